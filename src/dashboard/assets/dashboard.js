/* Features that need a script: charts, the clipboard, and the connection state of the live updates. */
(() => {
  'use strict';

  const connection = () => document.getElementById('connection');

  function say(text) {
    const place = connection();
    if (place && place.textContent !== text) place.textContent = text;
  }

  /* The server does not know the reader's time zone. */
  document.addEventListener('mouseover', (event) => {
    const time = event.target.closest?.('time[datetime]');
    if (time)
      time.title = new Date(time.dateTime).toLocaleString(undefined, {
        dateStyle: 'medium',
        timeStyle: 'long',
      });
  });

  document.addEventListener('htmx:sse:after:connection', () => say('Live'));
  document.addEventListener('htmx:sse:error', () => say('Not live, reconnecting'));
  document.addEventListener('htmx:sse:close', () => say('Not live'));

  /* Without clipboard access, as on plain http, the text is selected for manual copying. */
  async function copy(button) {
    const text = button.dataset.copy;
    const title = button.dataset.title ?? button.textContent;
    button.dataset.title = title;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
      setTimeout(() => (button.textContent = title), 1500);
    } catch {
      showForCopy(button, text);
    }
  }

  function showForCopy(button, text) {
    const box = document.createElement('textarea');
    box.readOnly = true;
    box.rows = 4;
    box.className = 'copied';
    box.value = text;
    box.setAttribute('aria-label', 'Copy this text');
    button.after(box);
    box.select();
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (button) void copy(button);
  });

  /* A chart is an element whose numbers are in data-chart: { labels, unit, times, series }. */
  const charts = new Map();
  const DASHES = [[], [6, 4], [2, 3]];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  /* A number between two gaps is drawn as a point, because it makes no line. */
  function lonely({ data }, series) {
    const values = data[series];
    const isGap = (index) => values[index] === null || values[index] === undefined;
    return [...values.keys()].filter((index) => !isGap(index) && isGap(index - 1) && isGap(index + 1));
  }

  /* The same format as in the table, on all machines. */
  function timeOfDay(seconds) {
    return new Date(seconds * 1000).toISOString().slice(11, 16);
  }

  function axis(extra) {
    return {
      stroke: colour('--muted'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
      ...extra,
    };
  }

  function optionsOf(element, { labels, unit }) {
    const lines = labels.map((label, index) => ({
      label,
      stroke: colour(`--chart-${index + 1}`),
      width: 2,
      dash: DASHES[index],
      points: { size: 5, filter: lonely },
    }));
    return {
      width: element.clientWidth || 300,
      height: 190,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: { y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      series: [{}, ...lines],
      axes: [
        axis({ space: 70, size: 30, values: (_chart, ticks) => ticks.map(timeOfDay) }),
        axis({
          size: 60,
          values: (_chart, ticks) => ticks.map((tick) => `${tick.toLocaleString('en-US')}${unit}`),
        }),
      ],
    };
  }

  function draw(element) {
    const text = element.dataset.chart;
    const known = charts.get(element);
    if (known?.text === text) return;
    const data = JSON.parse(text);
    const columns = [data.times, ...data.series];
    if (known) {
      known.text = text;
      known.plot.setData(columns);
      return;
    }
    element.replaceChildren();
    charts.set(element, { text, plot: new uPlot(optionsOf(element, data), columns, element) });
  }

  function drawAll() {
    for (const [element, { plot }] of charts) {
      if (element.isConnected) continue;
      plot.destroy();
      charts.delete(element);
    }
    document.querySelectorAll('[data-chart]').forEach(draw);
  }

  function drawAnew() {
    for (const { plot } of charts.values()) plot.destroy();
    charts.clear();
    drawAll();
  }

  /* On a narrow screen the sections are a scrolling strip. */
  document
    .querySelector('.sections [aria-current="page"]')
    ?.scrollIntoView({ inline: 'center', block: 'nearest' });

  document.addEventListener('htmx:sse:after:message', drawAll);
  document.addEventListener('htmx:after:swap', drawAll);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAnew);
  addEventListener('resize', () => {
    for (const [element, { plot }] of charts) plot.setSize({ width: element.clientWidth, height: 190 });
  });
  drawAll();
})();
