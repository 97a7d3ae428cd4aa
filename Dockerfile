# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --prefix=/install -r requirements.txt

FROM python:3.11-slim
COPY --from=build /install /usr/local
WORKDIR /app
COPY manage.py ./
COPY accounts_enforcement accounts_enforcement
COPY enforcement enforcement
COPY notifications notifications
COPY templates templates
# Collecting needs settings, and settings need these; nothing is connected to.
RUN SECRET_KEY=build DATABASE_URL=postgresql:///build REDIS_URL=redis://build/0 python manage.py collectstatic --noinput
RUN useradd --system --uid 10001 enforcement
USER enforcement
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "accounts_enforcement.wsgi:application"]
