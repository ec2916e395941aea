(() => {
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const BATCH = 120; // pictures that are put into the viewer at once

// --- the viewer: the pictures of a cell, a label or a source ---

const viewer = document.getElementById('viewer');
const shown = document.getElementById('viewer-pictures');
const more = document.getElementById('viewer-more');
let waiting = [];

function element(kind, words, className) {
  const made = document.createElement(kind);
  if (words !== undefined) made.textContent = words;
  if (className) made.className = className;
  return made;
}

function image_of(picture) {
  if (picture.image.startsWith('data:')) return picture.image;
  const there = document.querySelector(`#${picture.image} img.whole`);
  return there ? there.src : '';
}

function named(group, labels) {
  return labels.length ? labels.map((label) => group.labels[label]).join(', ') : 'none of them';
}

function card(picture, at) {
  const item = document.createElement('li');
  const figure = document.createElement('figure');
  const image = document.createElement('img');
  image.src = image_of(picture);
  image.alt = picture.name;
  const words = document.createElement('figcaption');
  const [truth, answer, top] = picture.groups[at];
  const group = data.groups[at];
  const line = (before, labels, kind) => {
    const row = element('div');
    row.append(`${before} `, element('bdi', named(group, labels), kind));
    words.append(row);
  };
  const several = (value) => (Array.isArray(value) ? value : [value]);
  const right = String(truth) === String(answer);
  line('true', several(truth), 'good');
  line('answered', several(answer), right ? 'good' : 'bad');
  const sure = element('div', undefined, 'soft');
  top.forEach(([label, confidence], n) => {
    sure.append(n ? ', ' : '', element('bdi', group.labels[label]), ` ${confidence.toFixed(2)}`);
  });
  words.append(sure);
  if (picture.familiarity !== null) words.append(element('div', `familiarity ${picture.familiarity.toFixed(2)}`, 'soft'));
  const origin = element('div', undefined, 'soft small');
  origin.append(element('bdi', picture.name));
  if (picture.source) origin.append(', source ', element('bdi', picture.source));
  words.append(origin);
  figure.append(image, words);
  item.append(figure);
  return item;
}

function show_more() {
  const next = waiting.splice(0, BATCH);
  shown.append(...next.map(([picture, at]) => card(picture, at)));
  more.hidden = waiting.length === 0;
}

function open_viewer(title, count, at, chosen) {
  const confidence = (picture) => picture.groups[at][2][0][1];
  const found = data.pictures.filter((picture) => picture.groups[at] !== null && chosen(picture));
  found.sort((a, b) => confidence(b) - confidence(a));
  document.getElementById('viewer-title').textContent = title;
  document.getElementById('viewer-note').textContent =
    found.length < count ? `${found.length} of ${count} pictures are shown: there is no room for all in this page.`
      : `${count} picture${count === 1 ? '' : 's'}.`;
  shown.replaceChildren();
  waiting = found.map((picture) => [picture, at]);
  show_more();
  viewer.showModal();
  viewer.scrollTop = 0;
}

more.addEventListener('click', show_more);
document.getElementById('viewer-close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', (event) => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener('close', () => { shown.replaceChildren(); waiting = []; });

const has = (labels, label) => (Array.isArray(labels) ? labels.includes(label) : labels === label);

document.addEventListener('click', (event) => {
  const button = event.target.closest('button.cell, button.open');
  if (!button) return;
  const at = Number(button.dataset.group);
  const group = data.groups[at];
  const count = Number(button.dataset.count);
  if (button.dataset.source !== undefined) {
    open_viewer(`Source ${button.dataset.source}`, count, at, (picture) => picture.source === button.dataset.source);
  } else if (button.dataset.label !== undefined) {
    const label = Number(button.dataset.label);
    open_viewer(`True: ${group.labels[label]}`, count, at, (picture) => has(picture.groups[at][0], label));
  } else {
    const row = Number(button.dataset.row);
    const column = Number(button.dataset.column);
    if (group.exclusive) {
      open_viewer(`True: ${group.labels[row]}. Answered: ${group.labels[column]}.`, count, at,
        (picture) => picture.groups[at][0] === row && picture.groups[at][1] === column);
    } else {
      const kinds = ['rightly without', 'false alarms', 'missed', 'found'];
      open_viewer(`${group.labels[row]}: ${kinds[column]}`, count, at, (picture) =>
        has(picture.groups[at][0], row) === column >= 2 && has(picture.groups[at][1], row) === (column % 2 === 1));
    }
  }
});

// --- the matrix: what its cells show, and arrow keys ---

for (const button of document.querySelectorAll('button.show-cells')) {
  button.addEventListener('click', () => {
    const table = document.getElementById(`cells-${button.dataset.matrix}`);
    table.classList.remove('both', 'counts', 'shares');
    table.classList.add(button.dataset.show);
    for (const other of button.parentElement.children) other.setAttribute('aria-pressed', String(other === button));
  });
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// A matrix is one stop of the tabulator: the cell that was last in use.
for (const table of document.querySelectorAll('table.matrix')) {
  const cells = [...table.querySelectorAll('button.cell')];
  const stop_at = (cell) => cells.forEach((one) => { one.tabIndex = one === cell ? 0 : -1; });
  stop_at(cells[0]);
  table.addEventListener('focusin', (event) => { if (cells.includes(event.target)) stop_at(event.target); });
}

document.addEventListener('keydown', (event) => {
  const step = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey ? undefined : STEPS[event.key];
  const cell = document.activeElement && document.activeElement.closest('table.matrix td');
  if (!step || !cell) return;
  event.preventDefault();
  const rows = [...cell.closest('tbody').rows];
  let row = rows.indexOf(cell.parentElement);
  let column = cell.cellIndex;
  for (;;) {
    row += step[0];
    column += step[1];
    const next = rows[row] && rows[row].cells[column];
    if (!next) return;
    const button = next.querySelector('button');
    if (button) {
      button.focus();
      return;
    }
  }
});

// --- thresholds ---

const SIDE = 320;
const PAUSE = 500; // milliseconds
const said = (part, whole) => (whole ? (part / whole).toFixed(3) : '\u2013');
const percent = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)} %` : '\u2013');

function sweep_of(panel) {
  const group = data.groups[Number(panel.dataset.group)];
  const select = panel.querySelector('.sweep-label');
  const range = panel.querySelector('.sweep-range');
  const chart = panel.querySelector('.sweep-chart');
  const line = (name) => chart.querySelector(`[data-line="${name}"]`);
  const sweep = () => group.sweeps[Number(select.value)];

  function path(of, whole) {
    const points = [];
    sweep().at.forEach((threshold, n) => {
      const all = whole(n);
      if (all > 0) points.push(`${(SIDE * threshold).toFixed(1)} ${(SIDE * (1 - of(n) / all)).toFixed(1)}`);
    });
    return points.length ? `M${points.join('L')}` : '';
  }

  function between(pairs, n) {
    const pair = pairs && pairs[n];
    return pair && pair[0] !== null ? ` (${pair[0].toFixed(3)} to ${pair[1].toFixed(3)})` : '';
  }

  function tell() {
    const one = sweep();
    const n = Number(range.value);
    const threshold = one.at[n];
    const [accepted, right] = [one.accepted[n], one.right[n]];
    line('at').setAttribute('d', `M${SIDE * threshold} 0V${SIDE}`);
    panel.querySelector('.sweep-at').textContent = threshold.toFixed(3).replace(/0$/, '');
    range.setAttribute('aria-valuetext',
      `${threshold}: ${percent(accepted, one.asked)} accepted, precision ${said(right, accepted)}`);
    const words = panel.querySelector('.sweep-said');
    const label = one.label === null ? null : element('bdi', `\u201c${one.label}\u201d`);
    words.replaceChildren(`From a confidence of ${threshold} on, `);
    if (label === null) words.append(`${accepted} of ${one.asked} pictures are decided`);
    else if (group.exclusive) words.append(`${accepted} of the ${one.asked} pictures whose first answer is `, label, ' are decided');
    else words.append(`${accepted} of ${one.asked} pictures are said to have `, label);
    words.append(` (${percent(accepted, one.asked)}). Of these ${right} are right: precision ${said(right, accepted)}` +
      `${between(one.precision, n)}. `);
    if (label === null) words.append(`Of all pictures ${percent(right, one.held)} are decided rightly.`);
    else words.append(`Of the ${one.held} pictures that have it ${right} are found: recall ${said(right, one.held)}` +
      `${between(one.recall, n)}.`);
  }

  // What is read aloud, when the threshold has come to rest.
  const told = panel.querySelector('.sweep-told');
  let pause;
  function announce() {
    clearTimeout(pause);
    pause = setTimeout(() => { told.textContent = panel.querySelector('.sweep-said').textContent; }, PAUSE);
  }

  function draw() {
    const one = sweep();
    line('share').setAttribute('d', path((n) => one.accepted[n], () => one.asked));
    line('recall').setAttribute('d', path((n) => one.right[n], () => one.held));
    line('precision').setAttribute('d', path((n) => one.right[n], (n) => one.accepted[n]));
    line('now').setAttribute('d', `M${SIDE * one.now} 0V${SIDE}`);
    range.max = String(one.at.length - 1);
    range.value = String(nearest(one.now));
    tell();
  }

  function nearest(threshold) {
    const gaps = sweep().at.map((at) => Math.abs(at - threshold));
    return gaps.indexOf(Math.min(...gaps));
  }

  function drag(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    range.value = String(nearest(Math.min(1, Math.max(0, point.x / SIDE))));
    tell();
  }

  select.addEventListener('change', () => { draw(); announce(); });
  range.addEventListener('input', tell);
  range.addEventListener('change', announce);
  chart.addEventListener('pointerup', announce);
  chart.addEventListener('pointerdown', (event) => {
    chart.setPointerCapture(event.pointerId);
    drag(event);
  });
  chart.addEventListener('pointermove', (event) => { if (chart.hasPointerCapture(event.pointerId)) drag(event); });
  if (group.sweeps.length) draw();
}

for (const panel of document.querySelectorAll('.sweep')) sweep_of(panel);

// --- what is folded: on a narrow screen all but the most important; on paper nothing ---

const parts = [...document.querySelectorAll('details.part')];
if (matchMedia('(max-width: 600px)').matches) for (const part of parts) part.open = false;
addEventListener('beforeprint', () => { for (const part of parts) part.open = true; });
})();
