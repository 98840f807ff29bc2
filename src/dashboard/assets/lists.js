/* Lists of tasks: selected rows, and suggestions of the search box. */
(() => {
  'use strict';

  /* While rows are selected the list stays as it is, so that no row moves under the pointer. */
  const boxes = () => [...document.querySelectorAll('td.select input')];
  const selected = () => boxes().filter((box) => box.checked);

  function showSelection() {
    const count = selected().length;
    const text = document.querySelector('[data-selected-text]');
    if (text) {
      const words = `${count} selected; the list waits:`;
      text.textContent = count === 0 ? text.dataset.selectedText : words;
    }
    const all = document.querySelector('[data-select-all]');
    if (all) {
      all.checked = count > 0 && count === boxes().length;
      all.indeterminate = count > 0 && count < boxes().length;
    }
  }

  document.addEventListener('change', ({ target }) => {
    if (target.matches('[data-select-all]')) for (const box of boxes()) box.checked = target.checked;
    if (target.matches('[data-select-all], td.select input')) showSelection();
  });
  document.addEventListener('htmx:sse:before:message', (event) => {
    if (selected().length > 0) event.preventDefault();
  });
  document.addEventListener('htmx:sse:after:message', showSelection);
  showSelection();

  /* Suggestions: fields first, then values of the field before the cursor. */
  const input = document.querySelector('input[data-suggest]');
  if (!input) return;
  const FIELDS = [
    'is:',
    'queue:',
    'worker:',
    'group:',
    'batch:',
    'cause:',
    'id:',
    'error:',
    'exit:',
    'enqueued:',
    'ended:',
  ];
  const list = document.createElement('ul');
  list.id = 'suggestions';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  list.hidden = true;
  input.after(list);
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('aria-expanded', 'false');
  input.setAttribute('aria-autocomplete', 'list');
  let asked = 0;
  let active = -1;

  /* The word at the cursor: from the last space outside quotes. */
  function token() {
    const before = input.value.slice(0, input.selectionStart ?? input.value.length);
    const from = /(?:[^\s"]|"[^"]*"?)*$/.exec(before)?.index ?? before.length;
    return { from, text: before.slice(from) };
  }

  function hide() {
    list.hidden = true;
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function show(values) {
    active = -1;
    list.replaceChildren(
      ...values.map((value, index) => {
        const item = document.createElement('li');
        item.id = `suggestion-${index}`;
        item.setAttribute('role', 'option');
        item.setAttribute('aria-selected', 'false');
        item.dataset.value = value;
        item.textContent = value;
        return item;
      }),
    );
    if (values.length === 0) hide();
    else {
      list.hidden = false;
      input.setAttribute('aria-expanded', 'true');
    }
  }

  async function suggest() {
    const { text } = token();
    const [, field, start] = /^([a-z]+):"?(.*)$/.exec(text) ?? [];
    const turn = (asked += 1);
    if (field === undefined) {
      show(text === '' ? [] : FIELDS.filter((name) => name.startsWith(text) && name !== text));
      return;
    }
    const query = new URLSearchParams({ field, start: start.replace(/"$/, '') });
    const answer = await fetch(`${input.dataset.suggest}?${query}`).catch(() => undefined);
    const values = answer?.ok && !answer.redirected ? await answer.json() : [];
    if (turn !== asked || document.activeElement !== input) return;
    show(values.map((value) => `${field}:${/[\s"]/.test(value) ? JSON.stringify(value) : value}`));
  }

  function take(value) {
    const { from } = token();
    const end = input.selectionStart ?? input.value.length;
    const isField = value.endsWith(':');
    input.value = `${input.value.slice(0, from)}${value}${isField ? '' : ' '}${input.value.slice(end).trimStart()}`;
    const place = from + value.length + (isField ? 0 : 1);
    input.setSelectionRange(place, place);
    hide();
    if (isField) void suggest();
  }

  function mark(index) {
    const items = [...list.children];
    active = (index + items.length) % items.length;
    items.forEach((item, at) => item.setAttribute('aria-selected', String(at === active)));
    items[active]?.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', items[active]?.id ?? '');
  }

  input.addEventListener('input', () => void suggest());
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      if (list.hidden) input.blur();
      hide();
    } else if (list.hidden) return;
    else if (event.key === 'ArrowDown') mark(active + 1);
    else if (event.key === 'ArrowUp') mark(active - 1);
    else if ((event.key === 'Enter' || event.key === 'Tab') && active >= 0)
      take(list.children[active].dataset.value);
    else return;
    event.preventDefault();
  });
  input.addEventListener('blur', hide);
  /* Before the blur of the field. */
  list.addEventListener('pointerdown', (event) => {
    const item = event.target.closest('li');
    event.preventDefault();
    if (item) take(item.dataset.value);
  });
})();
