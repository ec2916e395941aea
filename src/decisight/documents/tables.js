'use strict';
// Tables with the class "sortable": a heading is a button, by which rows are put in order; once more, the other way.
// What a cell is sorted by is its data-by where it has one, else its text. Cells without either come last.
for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const body = table.tBodies[0];
  const key = (row, at) => {
    const cell = row.cells[at];
    const by = cell.dataset.by ?? cell.textContent.trim();
    if (by === '' || by === '\u2013') return null;
    const number = Number(by);
    return Number.isNaN(number) ? by : number;
  };
  headings.forEach((heading, at) => {
    if (heading.hasAttribute('data-fixed')) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'sort';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      const before = heading.getAttribute('aria-sort');
      const first = heading.dataset.first ?? 'ascending';
      const other = first === 'ascending' ? 'descending' : 'ascending';
      const now = before === first ? other : first;
      for (const one of headings) one.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', now);
      const sign = now === 'ascending' ? 1 : -1;
      const rows = [...body.rows].map((row) => [key(row, at), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        if (typeof a === typeof b) return sign * (typeof a === 'number' ? a - b : a.localeCompare(b));
        return typeof a === 'number' ? -1 : 1;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
