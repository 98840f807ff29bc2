/* Charts: a chart is an element whose numbers are in data-chart: { labels, unit, times, series }. */
(() => {
  'use strict';

  const HEIGHT = 190;
  const DASHES = [[], [6, 4], [2, 3]];
  const charts = new Map();

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  /* A number between two gaps is drawn as a point, because it makes no line. */
  function lonely({ data }, series) {
    const values = data[series];
    const isGap = (index) => values[index] === null || values[index] === undefined;
    return [...values.keys()].filter((index) => !isGap(index) && isGap(index - 1) && isGap(index + 1));
  }

  /* 24 hours on all machines, in the zone that the operator chose. */
  function timeOfDay(seconds) {
    return window.crucibleZone.timeOfDay(new Date(seconds * 1000));
  }

  function axis(extra) {
    return {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
      ...extra,
    };
  }

  /* The values at the cursor, in a line of text above the chart. */
  function readout(element, { labels, unit }) {
    const place = element.closest('.card')?.querySelector('.readout');
    return (chart) => {
      if (!place) return;
      const index = chart.cursor.idx;
      const values = labels.map((label, at) => {
        const value = index === null || index === undefined ? undefined : chart.data[at + 1][index];
        return `${label} ${value === null || value === undefined ? '–' : value.toLocaleString('en-US') + unit}`;
      });
      place.textContent =
        index === null || index === undefined
          ? ''
          : `${timeOfDay(chart.data[0][index])} · ${values.join(' · ')}`;
    };
  }

  function optionsOf(element, data) {
    const { labels, unit } = data;
    const lines = labels.map((label, index) => ({
      label,
      stroke: color(`--chart-${index + 1}`),
      width: 2,
      dash: DASHES[index],
      points: { size: 5, filter: lonely },
    }));
    return {
      width: element.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, sync: { key: 'crucible' } },
      hooks: { setCursor: [readout(element, data)] },
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

  document.addEventListener('htmx:sse:after:message', drawAll);
  document.addEventListener('htmx:after:swap', drawAll);
  document.addEventListener('crucible:zone', drawAnew);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAnew);
  addEventListener('resize', () => {
    for (const [element, { plot }] of charts) plot.setSize({ width: element.clientWidth, height: HEIGHT });
  });
  drawAll();
})();
