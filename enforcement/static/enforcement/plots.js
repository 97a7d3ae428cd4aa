// The figures of the home page, drawn by Chart.js (which the theme brings along) in the colours of the page.
(() => {
  "use strict";

  const STATES = { open: "#3b82f6", warned: "#f59e0b", restricted: "#ea580c", suspended: "#dc2626", blocked: "#7f1d1d" };
  const ANSWERS = { unsupported: "#dc2626", unresolved: "#9333ea" };
  const ACCENT = "#9333ea";
  const number = new Intl.NumberFormat("en");
  const short = new Intl.NumberFormat("en", { notation: "compact" });

  const axis = (colors, more = {}) => ({
    grid: { color: colors.line },
    border: { display: false },
    ...more,
    ticks: { color: colors.quiet, maxRotation: 0, ...more.ticks },
  });
  const counts = (colors) =>
    axis(colors, { beginAtZero: true, ticks: { precision: 0, callback: (value) => short.format(value) } });
  const base = (colors) => ({
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: false },
      tooltip: { callbacks: { label: (item) => ` ${item.dataset.label}: ${number.format(item.raw)}` } },
    },
  });

  const drawers = {
    cases(data, colors) {
      const options = base(colors);
      options.plugins.legend = { position: "bottom", labels: { color: colors.quiet, boxWidth: 10, boxHeight: 10 } };
      options.scales = {
        x: axis(colors, { grid: { display: false }, ticks: { autoSkip: true, maxTicksLimit: 8 } }),
        y: { ...counts(colors), stacked: true },
      };
      const datasets = data.states.map(({ state, counts: values }, place) => ({
        label: state,
        data: values,
        fill: place ? "-1" : "origin",
        pointRadius: 0,
        borderWidth: 1,
        borderColor: STATES[state],
        backgroundColor: `${STATES[state]}99`,
      }));
      return { type: "line", data: { labels: data.days, datasets }, options };
    },

    territories(data, colors) {
      const options = base(colors);
      options.indexAxis = "y";
      options.scales = { x: counts(colors), y: axis(colors, { grid: { display: false }, ticks: { autoSkip: false } }) };
      const datasets = [
        {
          label: "requests",
          data: data.places.map((place) => place.requests),
          backgroundColor: data.places.map((place) => ANSWERS[place.answer]),
          borderRadius: 2,
          maxBarThickness: 18,
        },
      ];
      return { type: "bar", data: { labels: data.places.map((place) => place.code), datasets }, options };
    },

    points(data, colors) {
      const options = base(colors);
      // Room above the bars for the names of the rules.
      options.scales = { x: axis(colors, { grid: { display: false } }), y: { ...counts(colors), grace: "15%" } };
      const labels = data.bars.map((_, bar) => `${bar * data.width}–${(bar + 1) * data.width}`);
      const datasets = [
        { label: "accounts", data: data.bars, backgroundColor: `${ACCENT}b3`, categoryPercentage: 1, barPercentage: 0.94 },
      ];
      return { type: "bar", data: { labels, datasets }, options, plugins: [thresholds(data, colors)] };
    },
  };

  // A line where a rule begins to hold, with the rule's name.
  const thresholds = (data, colors) => ({
    id: "thresholds",
    afterDatasetsDraw({ ctx, chartArea, scales }) {
      const bar = (chartArea.right - chartArea.left) / data.bars.length;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colors.strong;
      ctx.setLineDash([4, 3]);
      ctx.font = "11px Inter, sans-serif";
      data.thresholds.forEach((threshold, place) => {
        const x = chartArea.left + (threshold.points / data.width) * bar;
        if (x > chartArea.right) return;
        ctx.beginPath();
        ctx.moveTo(x, chartArea.top);
        ctx.lineTo(x, chartArea.bottom);
        ctx.stroke();
        ctx.fillText(`${threshold.rule} ${threshold.points}`, x + 5, chartArea.top + 12 + 14 * place);
      });
      ctx.restore();
    },
  });

  const drawn = new Map();

  function draw() {
    const block = document.getElementById("plotted");
    if (!block || typeof Chart === "undefined") return;
    Chart.defaults.font.family = "Inter, sans-serif";
    const data = JSON.parse(block.textContent);
    const style = getComputedStyle(document.documentElement);
    const colors = Object.fromEntries(
      ["line", "quiet", "strong"].map((name) => [name, style.getPropertyValue(`--ae-${name}`).trim()]),
    );
    for (const canvas of document.querySelectorAll("canvas[data-plot]")) {
      drawn.get(canvas)?.destroy();
      drawn.set(canvas, new Chart(canvas, drawers[canvas.dataset.plot](data[canvas.dataset.plot], colors)));
    }
  }

  draw();
  // The theme turns the page dark and light by a class.
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["class"] });
})();
