/* The frame of every page: times, the clipboard, the state of the live updates, and the keyboard. */
(() => {
  'use strict';

  /* Times: the server sends UTC; the reader sees the local zone, or UTC when the switch says so. */
  const UTC = 'utc';
  let zone = localStorage.getItem('crucible-zone') === UTC ? UTC : 'local';
  const two = (number) => String(number).padStart(2, '0');

  window.crucibleZone = {
    get isUtc() {
      return zone === UTC;
    },
    timeOfDay(date) {
      return zone === UTC
        ? date.toISOString().slice(11, 16)
        : `${two(date.getHours())}:${two(date.getMinutes())}`;
    },
  };

  function exact(date) {
    if (zone === UTC) return date.toISOString().replace('T', ' ').replace('Z', ' UTC');
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    const offset = -date.getTimezoneOffset();
    const sign = offset < 0 ? '−' : '+';
    const zoneText = `UTC${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
    return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')} ${zoneText}`;
  }

  function showTimes() {
    for (const time of document.querySelectorAll('time[datetime]')) {
      const text = exact(new Date(time.dateTime));
      if (time.classList.contains('moment')) {
        if (time.textContent !== text) time.textContent = text;
      } else if (time.title !== text) time.title = text;
    }
    const place = document.getElementById('zone');
    if (place) place.textContent = zone === UTC ? 'UTC' : 'Local time';
    for (const label of document.querySelectorAll('.zone'))
      label.textContent = zone === UTC ? 'UTC' : 'local';
  }

  /* Fields with a moment hold UTC on the server and the chosen zone on the page. */
  function toZone(text) {
    const date = new Date(`${text}Z`);
    if (zone === UTC || Number.isNaN(date.getTime())) return text;
    const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
    return local.toISOString().slice(0, text.length);
  }

  function fieldsToZone() {
    for (const input of document.querySelectorAll('input[data-moment]')) {
      input.dataset.utc ??= input.value;
      if (input.dataset.utc !== '') input.value = toZone(input.dataset.utc);
    }
  }

  document.addEventListener('submit', ({ target }) => {
    for (const input of target.querySelectorAll('input[data-moment]')) {
      if (input.value === '' || zone === UTC) continue;
      const utc = new Date(input.value).toISOString();
      input.type = 'hidden';
      input.value = utc;
    }
  });

  document.getElementById('zone')?.addEventListener('click', () => {
    zone = zone === UTC ? 'local' : UTC;
    localStorage.setItem('crucible-zone', zone);
    showTimes();
    fieldsToZone();
    document.dispatchEvent(new CustomEvent('crucible:zone'));
  });

  /* The state of the live updates. Silence for some seconds means that the service, or the way to it, is out. */
  const banner = document.getElementById('outage');
  const OUT_AFTER_MS = 4_000;
  let outTimer;

  function say(text) {
    const place = document.getElementById('connection');
    if (place && place.textContent !== text) place.textContent = text;
  }

  function connected() {
    clearTimeout(outTimer);
    outTimer = undefined;
    if (banner) banner.hidden = true;
    say('Live');
  }

  function disconnected() {
    say('Not live, reconnecting');
    outTimer ??= setTimeout(() => {
      if (banner) banner.hidden = false;
    }, OUT_AFTER_MS);
  }

  let isLeaving = false;
  addEventListener('pagehide', () => (isLeaving = true));
  document.addEventListener('htmx:sse:after:connection', connected);
  document.addEventListener('htmx:sse:error', () => !isLeaving && disconnected());
  document.addEventListener('htmx:sse:close', () => say('Not live'));

  const textOf = (button) => button.closest('[data-text]')?.dataset.text ?? '';

  function download(button) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([textOf(button)]));
    link.download = button.dataset.download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /* Without clipboard access, as on plain http, the text is selected for manual copying. */
  async function copy(button) {
    const text = button.dataset.copy ?? textOf(button);
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
    const button = event.target.closest?.('[data-copy], [data-copy-text], [data-download]');
    if (button?.hasAttribute('data-download')) download(button);
    else if (button) void copy(button);
  });

  /* The keyboard. Keys in fields and with modifiers belong to the browser. */
  const help = document.getElementById('keys');
  let prefix = '';

  function rows() {
    return [...document.querySelectorAll('main tbody tr')];
  }

  function move(step) {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))] ?? all[0];
    next?.querySelector('a, button, input:not([type="checkbox"])')?.focus();
  }

  function toggleRow() {
    document.activeElement?.closest?.('tr')?.querySelector('input[type="checkbox"]')?.click();
  }

  function goTo(key) {
    const link = document.querySelector(`.sections a[data-key="${CSS.escape(key)}"]`);
    if (link) location.assign(link.href);
  }

  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.closest?.('input:not([type="checkbox"]), textarea, select');
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    const { key } = event;
    const wasPrefix = prefix;
    prefix = key === 'g' ? 'g' : '';
    if (wasPrefix === 'g' && key !== 'g') goTo(key);
    else if (key === '/') document.getElementById('find')?.focus();
    else if (key === '?') help?.showModal();
    else if (key === 'j') move(1);
    else if (key === 'k') move(-1);
    else if (key === 'x') toggleRow();
    else return;
    event.preventDefault();
  });

  document.getElementById('show-keys')?.addEventListener('click', () => help?.showModal());

  /* On a narrow screen the sections are a scrolling strip. */
  document
    .querySelector('.sections [aria-current="page"]')
    ?.scrollIntoView({ inline: 'center', block: 'nearest' });

  document.addEventListener('htmx:sse:after:message', () => {
    connected();
    showTimes();
  });
  document.addEventListener('htmx:after:swap', showTimes);
  showTimes();
  fieldsToZone();
})();
