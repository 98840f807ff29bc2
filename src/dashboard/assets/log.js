/*
 * The log pane of a task. It shows the end of a log as text nodes, in the colors that the log asks for, and follows the
 * stream of the latest attempt.
 */
// Compiled from src/dashboard/parts.
import { terminalRuns } from './terminal-runs.js';

/** More would make the browser slow; the link to the text has the rest. */
const MOST_LINES = 5_000;
const MOST_CHARACTERS = 1_000_000;
/** A longer line is shown as several. */
const LONGEST_LINE = 8_192;
/** Bytes before the end at which a pane begins to read. */
const TAIL_BYTES = 262_144;
const RETRY_MS = 3_000;
/** Pixels from the end at which a reader counts as being there. */
const NEAR_PX = 12;

/** The shown lines. It changes the page once a frame. */
class Lines {
  #box;
  #lines = [];
  #characters = 0;
  #waiting = '';
  #style = {};
  /** The element of the line that has no end yet. */
  #open;
  #frame;
  #onFrame;
  /** Whether lines were removed because there are too many. */
  isCut = false;

  constructor(box, onFrame) {
    this.#box = box;
    this.#onFrame = onFrame;
  }

  get all() {
    return this.#lines;
  }

  clear() {
    this.#box.replaceChildren();
    this.#lines = [];
    this.#characters = 0;
    this.#waiting = '';
    this.#style = {};
    this.#open = undefined;
    this.isCut = false;
  }

  add(text) {
    this.#waiting += text;
    // A browser that draws nothing, as in a background tab, must not collect all of a log.
    if (this.#waiting.length > 2 * MOST_CHARACTERS) this.#draw();
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  /** Shows the received text, also a line without an end. */
  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    const texts = this.#waiting.split('\n');
    const last = texts.pop() ?? '';
    const fresh = [];
    for (const text of texts) fresh.push(...this.#finished(text));
    const pieces = piecesOf(lastWriting(last));
    const rest = pieces.pop() ?? '';
    for (const piece of pieces) fresh.push(...this.#finished(piece));
    this.#waiting = rest;
    this.#open?.remove();
    this.#open = undefined;
    // Older ones would be removed at once.
    if (fresh.length > MOST_LINES) this.isCut = true;
    const kept = fresh.slice(-MOST_LINES);
    this.#box.append(...kept);
    this.#lines.push(...kept);
    for (const line of kept) this.#characters += line.textContent.length;
    if (rest !== '') {
      this.#open = lineOf(terminalRuns(rest, this.#style).runs);
      this.#box.append(this.#open);
    }
    this.#trim();
    this.#onFrame(this.#open === undefined ? kept : [...kept, this.#open]);
  }

  #finished(text) {
    return piecesOf(text.replace(/\r$/, '')).map((piece) => {
      const { runs, style } = terminalRuns(piece, this.#style);
      this.#style = style;
      return lineOf(runs);
    });
  }

  #trim() {
    let count = 0;
    let characters = this.#characters;
    while (
      this.#lines.length - count > MOST_LINES ||
      (characters > MOST_CHARACTERS && count < this.#lines.length)
    ) {
      characters -= this.#lines[count].textContent.length;
      count += 1;
    }
    if (count === 0) return;
    for (const line of this.#lines.splice(0, count)) line.remove();
    this.#characters = characters;
    this.isCut = true;
  }
}

/** A progress bar rewrites its line after each carriage return. Only the last version is kept until the line ends. */
function lastWriting(text) {
  const end = text.replace(/\r+$/, '');
  return text.slice(end.lastIndexOf('\r') + 1);
}

function piecesOf(text) {
  if (text.length <= LONGEST_LINE) return [text];
  const shown = lastWriting(text);
  const pieces = [];
  for (let from = 0; from < shown.length; from += LONGEST_LINE)
    pieces.push(shown.slice(from, from + LONGEST_LINE));
  return pieces;
}

function lineOf(runs) {
  const line = document.createElement('span');
  line.className = 'line';
  for (const { text, classes } of runs) {
    if (classes === '') line.append(text);
    else {
      const run = document.createElement('span');
      run.className = classes;
      run.textContent = text;
      line.append(run);
    }
  }
  return line;
}

/** Marks the lines with a text, and goes from one to the next. */
class Search {
  #lines;
  #field;
  #count;
  #current;

  constructor(lines, { field, count, previous, next }) {
    this.#lines = lines;
    this.#field = field;
    this.#count = count;
    field.addEventListener('input', () => this.#markAll());
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.#go(event.shiftKey ? -1 : 1);
    });
    previous.addEventListener('click', () => this.#go(-1));
    next.addEventListener('click', () => this.#go(1));
  }

  /** Marks new lines. */
  mark(lines) {
    if (this.#field.value === '') return;
    const text = this.#field.value.toLowerCase();
    for (const line of lines) line.classList.toggle('hit', line.textContent.toLowerCase().includes(text));
    this.#tell();
  }

  #hits() {
    return this.#field.value === '' ? [] : this.#lines.all.filter((line) => line.classList.contains('hit'));
  }

  #markAll() {
    const isEmpty = this.#field.value === '';
    this.#current?.classList.remove('current');
    this.#current = undefined;
    if (isEmpty) {
      for (const line of this.#lines.all) line.classList.remove('hit');
      this.#tell();
      return;
    }
    this.mark(this.#lines.all);
    this.#go(-1);
  }

  #go(step) {
    const hits = this.#hits();
    const at = hits.indexOf(this.#current);
    const next = at < 0 && step < 0 ? hits.length - 1 : (at + step + hits.length) % hits.length;
    this.#current?.classList.remove('current');
    this.#current = hits[next];
    this.#current?.classList.add('current');
    this.#current?.scrollIntoView({ block: 'nearest' });
    this.#tell();
  }

  #tell() {
    const hits = this.#hits();
    const at = hits.indexOf(this.#current);
    const place = at < 0 ? '' : `${at + 1} of `;
    const lines = hits.length === 1 ? 'line' : 'lines';
    const text = this.#field.value === '' ? '' : `${place}${hits.length} ${lines}`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }
}

class LogPane {
  #root;
  #box;
  #select;
  #follow;
  #lines;
  #search;
  #stream;
  #retry;
  /** The attempt that is shown, and the number of its bytes received. */
  #attempt = 0;
  #end = 0;
  /** Whether the first line to arrive may lack its beginning. */
  #startsWithin = false;
  /** Whether the pane began to read after the beginning. */
  #startsLate = false;
  /** The state of the task, when it has ended. */
  #ended;

  constructor(root) {
    const find = (name) => root.querySelector(`[data-log-${name}]`);
    this.#root = root;
    this.#box = root.querySelector('.log-lines');
    this.#select = find('attempt');
    this.#follow = find('follow');
    this.#ended = root.dataset.ended;
    this.#lines = new Lines(this.#box, (lines) => this.#drawn(lines));
    this.#search = new Search(this.#lines, {
      field: find('search'),
      count: find('count'),
      previous: find('previous'),
      next: find('next'),
    });
    this.#setUpView(find('wrap'));
    this.#select.addEventListener('change', () => this.#show(Number(this.#select.value)));
    // Browsers allow few connections to a host, so a tab in the background has none.
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#close();
      else if (this.#isLatest() && this.#ended === '') this.#connect();
    });
    find('tools').hidden = false;
    this.#box.hidden = false;
    this.#show(Number(this.#select.value));
  }

  #setUpView(wrap) {
    wrap.checked = localStorage.getItem('crucible-log-wrap') !== 'off';
    const setWrap = () => {
      this.#box.classList.toggle('unwrapped', !wrap.checked);
      localStorage.setItem('crucible-log-wrap', wrap.checked ? 'on' : 'off');
      this.#goToEnd();
    };
    wrap.addEventListener('change', setWrap);
    setWrap();
    this.#follow.addEventListener('change', () => this.#goToEnd());
    this.#box.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#box;
      this.#follow.checked = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    });
  }

  #part(name) {
    return this.#root.querySelector(`[data-log-${name}]`);
  }

  #say(text) {
    const place = this.#part('state');
    if (place.textContent !== text) place.textContent = text;
  }

  #isLatest() {
    return this.#select.selectedIndex === this.#select.options.length - 1;
  }

  #goToEnd() {
    if (this.#follow.checked) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #drawn(lines) {
    this.#search.mark(lines);
    this.#part('cut').hidden = !this.#lines.isCut && !this.#startsLate;
    this.#goToEnd();
  }

  /** Shows an attempt from the beginning, or near its end when it is long. */
  #show(attempt) {
    this.#close();
    const { first, size } = this.#select.selectedOptions[0].dataset;
    const start = Math.max(Number(first), Number(size) - TAIL_BYTES);
    this.#lines.clear();
    this.#attempt = attempt;
    this.#end = start;
    this.#startsWithin = start > 0;
    this.#startsLate = start > Number(first);
    this.#part('dropped').hidden = Number(first) === 0;
    this.#part('cut').hidden = !this.#startsLate;
    this.#linkTo(attempt);
    if (this.#isLatest() && this.#ended === '') this.#connect();
    else void this.#read();
  }

  #linkTo(attempt) {
    for (const name of ['text', 'download']) this.#part(name).href = this.#address({ attempt });
    const link = this.#part('download');
    link.download = link.download.replace(/\d+\.log$/, `${attempt}.log`);
  }

  #address(query) {
    const { origin, pathname } = new URL(this.#part('text').href);
    return `${origin}${pathname}?${new URLSearchParams(query)}`;
  }

  /** Reads the log of an attempt that is over. */
  async #read() {
    const attempt = this.#attempt;
    const answer = await fetch(this.#address({ attempt, offset: this.#end })).catch(() => undefined);
    const bytes = answer?.ok && !answer.redirected ? await answer.arrayBuffer() : undefined;
    if (attempt !== this.#attempt) return;
    if (bytes === undefined) {
      this.#say('The log cannot be read. Reload the page to try again.');
      return;
    }
    const first = Number(answer.headers.get('X-Log-First'));
    this.#part('dropped').hidden = first === 0;
    this.#write(new TextDecoder().decode(bytes));
    this.#sayEnd();
  }

  #sayEnd() {
    if (!this.#isLatest()) this.#say(`End of attempt ${this.#attempt}.`);
    else
      this.#say(
        this.#ended === 'removed' ? 'The task was removed.' : `End of the log: the task is ${this.#ended}.`,
      );
  }

  #connect() {
    this.#close();
    const stream = new EventSource(
      this.#address({ attempt: this.#attempt, last_event_id: `${this.#attempt}:${this.#end}` }),
    );
    this.#stream = stream;
    stream.addEventListener('open', () => this.#say(`Following attempt ${this.#attempt}.`));
    stream.addEventListener('log', ({ data, lastEventId }) => this.#take(JSON.parse(data), lastEventId));
    stream.addEventListener('end', ({ data }) => {
      this.#ended = JSON.parse(data).status ?? 'removed';
      this.#close();
      this.#sayEnd();
    });
    stream.addEventListener('error', () => {
      this.#say('Not connected, reconnecting.');
      if (stream.readyState !== EventSource.CLOSED) return;
      this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    });
  }

  #close() {
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #take({ attempt, offset, text }, id) {
    if (attempt !== this.#attempt) this.#begin(attempt);
    // The reader was slower than the log, or the ring had dropped the beginning.
    if (offset > this.#end && this.#end > 0)
      this.#write(`\n[${offset - this.#end} bytes are no longer kept]\n`);
    this.#end = Number(id.split(':')[1]);
    if (this.#end > Number(this.#root.dataset.keeps)) this.#part('dropped').hidden = false;
    this.#write(text);
  }

  /** Goes on with a later attempt. The log of the earlier one can be chosen. */
  #begin(attempt) {
    const [last] = [...this.#select.options].slice(-1);
    last.dataset.size = String(this.#end);
    const option = new Option(String(attempt), String(attempt), true, true);
    option.dataset.first = '0';
    option.dataset.size = '0';
    this.#select.append(option);
    this.#lines.clear();
    this.#attempt = attempt;
    this.#end = 0;
    this.#startsWithin = false;
    this.#startsLate = false;
    this.#part('dropped').hidden = true;
    this.#linkTo(attempt);
    this.#say(`Following attempt ${attempt}.`);
  }

  /** A log that is read from within its text begins with the next line. */
  #write(text) {
    if (!this.#startsWithin) {
      this.#lines.add(text);
      return;
    }
    this.#startsWithin = false;
    this.#lines.add(text.slice(text.indexOf('\n') + 1));
  }
}

for (const root of document.querySelectorAll('[data-log]')) new LogPane(root);
