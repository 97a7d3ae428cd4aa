# syntax=docker/dockerfile:1
# One image for every process; docker-compose.yml says which. Pin the base by digest where you build for production:
#   docker build --build-arg PYTHON=python:3.11-slim-bookworm@sha256:… .
# Traces: --build-arg LOCKS="-r requirements.txt -r requirements-otel.txt"
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ARG LOCKS="-r requirements.txt"
WORKDIR /app
COPY requirements.txt requirements-otel.txt ./
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: ${LOCKS}
COPY manage.py ./
COPY accounts_enforcement accounts_enforcement
COPY enforcement enforcement
COPY notifications notifications
COPY faultpoints faultpoints
COPY guards guards
COPY templates templates
COPY deploy deploy
# Collecting needs settings, and settings need these; nothing is connected to.
RUN SECRET_KEY=build DATABASE_URL=postgresql:///build REDIS_URL=redis://build/0 \
    /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
 && /venv/bin/python -m compileall -q .

FROM ${PYTHON}
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Nothing in the image belongs to whom it runs as, and nothing of it is ever written.
RUN useradd --system --uid 10001 --no-create-home --home-dir /tmp enforcement
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8000/readyz', timeout=3)"]
# Fewer threads than a process has database connections. No access log: our own lines have no addresses.
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--no-ws", "--no-access-log", "--log-config", "deploy/web-logging.json", "--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "30", "accounts_enforcement.wsgi:application"]
