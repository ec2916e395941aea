"""How the page for labelling looks, and how it hears keys."""

from __future__ import annotations

__all__ = ["KEYS_SCRIPT", "STYLE"]

KEYS_SCRIPT = """
<script>
document.addEventListener('keydown', (event) => {
  const at = document.activeElement;
  const writing = at && (at.closest('input, textarea, select, [contenteditable], dialog') !== null);
  if (writing || event.altKey || event.metaKey && event.key !== 'z') return;
  if (document.querySelector('dialog[open]')) return;
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key.toLowerCase() !== 'z') return;
  const presses = event.key === 'Enter' || event.key === ' ';
  if (presses && at && at.closest('button, a, summary')) return;
  if (event.repeat && !event.key.startsWith('Arrow')) return;
  const known = ['ArrowLeft', 'ArrowRight', 'Backspace', 'Enter'];
  if (!control && event.key.length > 1 && !known.includes(event.key)) return;
  event.preventDefault();
  emitEvent('dl-key', {key: event.key, control: control});
});
let reached = null;
document.addEventListener('focusin', (event) => {
  const button = event.target.closest('[data-at]');
  reached = button && event.target.matches(':focus-visible') ? button.dataset.at : null;
});
document.addEventListener('pointerdown', () => { reached = null; });
document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button && event.detail > 0) button.blur();
});
let scrolled = null, tiles = null;
document.addEventListener('scroll', (event) => {
  if (event.target.classList && event.target.classList.contains('dl-tiles'))
    scrolled = {run: event.target.dataset.run, top: event.target.scrollTop};
}, true);
new MutationObserver(() => {
  const now = document.querySelector('.dl-tiles');
  if (now !== tiles) {
    tiles = now;
    if (now && scrolled && now.dataset.run === scrolled.run) now.scrollTop = scrolled.top;
  }
  if (reached === null || document.activeElement !== document.body) return;
  const again = document.querySelector(`[data-at="${CSS.escape(reached)}"]`);
  if (again) again.focus({preventScroll: true});
}).observe(document.body, {childList: true, subtree: true});
</script>
"""
"""Keys go to the page unless somebody writes, or a button is about to be pressed with them.

A button that was clicked does not keep the keys; one that was reached by keys keeps them when it is drawn anew. Where
many pictures are shown, one stays where one has scrolled to.
"""

STYLE = """
:root {
  --dl-back: #f4f5f7; --dl-card: #ffffff; --dl-ink: #1b2430; --dl-soft: #566273; --dl-line: #d5dae1;
  --dl-stage: #e7eaee; --dl-accent: #0b63ce; --dl-on: #0b63ce; --dl-on-ink: #ffffff; --dl-guess: #dbe9fb;
  --dl-warn: #8a3b00; --dl-warn-back: #fff1e0; --dl-good: #1a7f37;
}
body.body--dark {
  --dl-back: #11161d; --dl-card: #1a212b; --dl-ink: #e8edf4; --dl-soft: #a3b0c0; --dl-line: #344051;
  --dl-stage: #0a0e13; --dl-accent: #6eb0ff; --dl-on: #2472d0; --dl-on-ink: #ffffff; --dl-guess: #21354f;
  --dl-warn: #ffc489; --dl-warn-back: #3b2713; --dl-good: #5fce7d;
}
html, body { background: var(--dl-back); }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; }
.dl-page { display: flex; flex-direction: column; width: 100%; height: 100dvh; color: var(--dl-ink);
  background: var(--dl-back); font: 15px/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.dl-page button, .dl-page select, .dl-page input { font: inherit; color: inherit; }
.dl-page :focus-visible, dialog :focus-visible { outline: 3px solid var(--dl-accent); outline-offset: 2px; }
.dl-head { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; padding: 8px 16px;
  background: var(--dl-card); border-bottom: 1px solid var(--dl-line); }
.dl-folder { margin: 0; font-size: 17px; line-height: 1.3; font-weight: 650; max-width: 260px; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.dl-progress { flex: 1 1 220px; min-width: 180px; display: flex; align-items: center; gap: 12px; }
.dl-bar { flex: 1 1 60px; min-width: 60px; height: 8px; border-radius: 4px; background: var(--dl-line);
  overflow: hidden; }
.dl-filled { height: 100%; border-radius: 4px; background: var(--dl-good); transition: width .15s; }
.dl-told { color: var(--dl-soft); white-space: nowrap; font-variant-numeric: tabular-nums; }
.dl-tools { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
.dl-select { height: 36px; padding: 0 8px; border: 1px solid var(--dl-line); border-radius: 8px;
  background: var(--dl-card); max-width: 190px; }
.dl-select option { color: var(--dl-ink); background: var(--dl-card); }
.dl-icon { width: 36px; height: 36px; border: 1px solid var(--dl-line); border-radius: 8px; background: var(--dl-card);
  display: inline-flex; align-items: center; justify-content: center; font-size: 20px; cursor: pointer; }
.dl-icon[aria-pressed="true"] { background: var(--dl-on); color: var(--dl-on-ink); border-color: var(--dl-on); }
.dl-banner:empty { display: none; }
.dl-banner { display: flex; flex-wrap: wrap; align-items: center; gap: 12px; padding: 8px 16px;
  background: var(--dl-warn-back); color: var(--dl-warn); }
.dl-main { flex: 1 1 auto; min-height: 0; display: grid; grid-template-columns: minmax(0, 1fr) 360px; }
.dl-stage { min-height: 0; min-width: 0; display: flex; flex-direction: column; background: var(--dl-stage); }
.dl-picture { flex: 1 1 0; min-height: 0; display: flex; align-items: center; justify-content: center; padding: 16px; }
.dl-picture img { width: 100%; height: 100%; object-fit: contain; }
.dl-picture.dl-out img { opacity: .35; }
.dl-about { display: flex; flex-wrap: wrap; gap: 2px 16px; padding: 6px 16px; color: var(--dl-soft);
  background: var(--dl-card); border-top: 1px solid var(--dl-line); font-size: 13px; }
.dl-about span { overflow-wrap: anywhere; }
.dl-ahead { position: absolute; width: 1px; height: 1px; overflow: hidden; opacity: 0; pointer-events: none; }
.dl-tiles { flex: 1 1 0; min-height: 0; overflow-y: auto; padding: 12px; display: grid; gap: 10px; align-content: start;
  grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
.dl-tile { position: relative; padding: 0; border: 3px solid transparent; border-radius: 10px; overflow: hidden;
  background: var(--dl-card); cursor: pointer; aspect-ratio: 1; display: block; }
.dl-tile img { width: 100%; height: 100%; object-fit: contain; display: block; background: var(--dl-stage); }
.dl-tile[aria-pressed="true"] { border-color: var(--dl-on); }
.dl-tile[aria-pressed="false"] img { opacity: .6; }
.dl-tile .dl-given { position: absolute; left: 0; right: 0; bottom: 0; padding: 3px 6px; font-size: 12px; color: #fff;
  background: rgba(10, 14, 19, .78); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: left; }
.dl-tile .dl-tick { position: absolute; top: 4px; right: 4px; width: 22px; height: 22px; border-radius: 50%;
  background: var(--dl-on); color: var(--dl-on-ink); display: flex; align-items: center; justify-content: center; }
.dl-panel { min-height: 0; overflow-y: auto; padding: 14px 16px 20px; background: var(--dl-card);
  border-left: 1px solid var(--dl-line); display: flex; flex-direction: column; gap: 16px; }
.dl-group { display: flex; flex-direction: column; gap: 6px; border: 0; margin: 0; padding: 0; min-width: 0; }
.dl-group h2 { margin: 0; font-size: 15px; line-height: 1.4; font-weight: 650; overflow-wrap: anywhere; }
.dl-kind { font-weight: 400; color: var(--dl-soft); font-size: 13px; margin-left: 8px; }
.dl-labels { display: flex; flex-direction: column; gap: 6px; }
.dl-note:empty, .dl-actions:empty { display: none; }
.dl-label { position: relative; display: flex; align-items: center; gap: 10px; width: 100%; min-height: 42px;
  padding: 6px 10px; border: 1px solid var(--dl-line); border-radius: 8px; background: var(--dl-card); cursor: pointer;
  text-align: left; overflow: hidden; }
.dl-label:hover, .dl-action:hover, .dl-icon:hover, .dl-small:hover { border-color: var(--dl-accent); }
.dl-label .dl-guess { position: absolute; left: 0; top: 0; bottom: 0; background: var(--dl-guess); }
.dl-label.dl-best { border-color: var(--dl-accent); }
.dl-label.dl-best .dl-share { color: var(--dl-ink); font-weight: 650; }
.dl-label > span { position: relative; }
.dl-key { flex: 0 0 auto; min-width: 26px; height: 26px; padding: 0 6px; border: 1px solid var(--dl-line);
  border-radius: 6px; background: var(--dl-back); color: var(--dl-soft); text-align: center; text-transform: uppercase;
  font: 600 13px/24px ui-monospace, "Cascadia Mono", Menlo, monospace; white-space: nowrap; }
.dl-named { flex: 1 1 auto; min-width: 0; overflow-wrap: anywhere; }
.dl-share { flex: 0 0 auto; color: var(--dl-soft); font-size: 13px; font-variant-numeric: tabular-nums; }
.dl-label[aria-pressed="true"] { background: var(--dl-on); border-color: var(--dl-on); color: var(--dl-on-ink); }
.dl-label[aria-pressed="true"] .dl-guess { display: none; }
.dl-label[aria-pressed="true"] .dl-share { color: var(--dl-on-ink); }
.dl-entry { display: flex; gap: 6px; margin: 0; }
.dl-entry input { flex: 1 1 auto; min-width: 0; height: 36px; padding: 0 10px; border: 1px solid var(--dl-line);
  border-radius: 8px; background: var(--dl-back); }
.dl-entry input::placeholder { color: var(--dl-soft); opacity: 1; }
.dl-small { height: 36px; padding: 0 12px; border: 1px solid var(--dl-line); border-radius: 8px;
  background: var(--dl-card); cursor: pointer; white-space: nowrap; }
.dl-actions { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
.dl-action { display: flex; align-items: center; gap: 8px; min-height: 42px; padding: 4px 10px;
  border: 1px solid var(--dl-line); border-radius: 8px; background: var(--dl-card); cursor: pointer; text-align: left; }
.dl-action.dl-wide { grid-column: 1 / -1; }
.dl-action:disabled { opacity: .5; cursor: default; border-color: var(--dl-line); }
.dl-action[aria-pressed="true"] { background: var(--dl-warn-back); color: var(--dl-warn);
  border-color: var(--dl-warn); }
.dl-note { margin: 0; color: var(--dl-soft); font-size: 13px; }
.dl-live { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.dl-end { margin: auto; padding: 24px; max-width: 520px; text-align: center; display: flex; flex-direction: column;
  gap: 12px; align-items: center; }
.dl-end h2 { margin: 0; font-size: 22px; line-height: 1.3; font-weight: 650; }
.dl-end code { display: block; padding: 10px 14px; border-radius: 8px; background: var(--dl-card);
  border: 1px solid var(--dl-line); overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, Menlo, monospace; }
details.dl-more > summary { cursor: pointer; color: var(--dl-accent); padding: 4px 0; display: list-item;
  list-style: disclosure-closed inside; }
details.dl-more[open] > summary { list-style-type: disclosure-open; }
details.dl-more > form { margin-top: 8px; }
dialog.dl-help { margin: auto; border: 1px solid var(--dl-line); border-radius: 12px; padding: 20px 24px;
  max-width: min(520px, 92vw); background: var(--dl-card); color: var(--dl-ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
dialog.dl-help::backdrop { background: rgba(10, 14, 19, .5); }
dialog.dl-help h2 { margin: 0 0 12px; font-size: 18px; line-height: 1.3; font-weight: 650; }
dialog.dl-help .dl-row { display: flex; gap: 12px; padding: 4px 0; align-items: center; }
dialog.dl-help .dl-key { flex: 0 0 132px; text-transform: none; }
dialog.dl-help form { margin: 16px 0 0; }
@media (max-width: 860px) {
  .dl-page { height: auto; min-height: 100dvh; }
  .dl-head { gap: 8px 12px; padding: 8px 12px; }
  .dl-folder { max-width: 100%; }
  .dl-progress { flex: 1 1 100%; order: 3; }
  .dl-told { white-space: normal; }
  .dl-banner { position: sticky; top: 0; z-index: 5; }
  .dl-tools { flex: 1 1 auto; }
  .dl-select { flex: 1 1 110px; min-width: 0; }
  .dl-main { grid-template-columns: minmax(0, 1fr); }
  .dl-picture { flex: none; height: 44dvh; padding: 8px; }
  .dl-tiles { flex: none; max-height: 50dvh; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); }
  .dl-panel { overflow: visible; border-left: 0; border-top: 1px solid var(--dl-line); padding: 12px; }
}
@media (prefers-reduced-motion: reduce) { .dl-filled { transition: none; } }
"""
