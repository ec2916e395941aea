"""How the page for regions looks."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --dr-back: #f4f5f7; --dr-card: #ffffff; --dr-ink: #1b2430; --dr-soft: #566273; --dr-line: #d5dae1;
  --dr-stage: #20262e; --dr-accent: #0b63ce; --dr-warn: #8a3b00; --dr-warn-back: #fff1e0; --dr-bad: #a31d16;
  --dr-bad-back: #fdecea; --dr-good: #14632b; --dr-good-back: #e6f4ea; }
body.body--dark { --dr-back: #11161d; --dr-card: #1a212b; --dr-ink: #e8edf4; --dr-soft: #a3b0c0; --dr-line: #344051;
  --dr-stage: #0a0e13; --dr-accent: #6eb0ff; --dr-warn: #ffc489; --dr-warn-back: #3b2713; --dr-bad: #ffb4ab;
  --dr-bad-back: #45161a; --dr-good: #8fdda6; --dr-good-back: #14301d; }
html, body { background: var(--dr-back); }
body { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.q-dialog .q-card { background: var(--dr-card); color: var(--dr-ink); font-size: 15px; line-height: 1.4; }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; }
body.body--dark .q-btn--flat { --q-primary: #6eb0ff; }
.dr-page { display: flex; flex-direction: column; width: 100%; height: 100dvh; color: var(--dr-ink);
  font-size: 15px; line-height: 1.4; }
.dr-page :focus-visible { outline: 3px solid var(--dr-accent); outline-offset: 2px; }
.dr-head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 8px 16px;
  background: var(--dr-card); border-bottom: 1px solid var(--dr-line); }
.dr-title { margin: 0; font-size: 17px; line-height: 1.3; font-weight: 650; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; min-width: 0; }
.dr-file { color: var(--dr-soft); font-size: 13px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  min-width: 0; }
.dr-space { flex: 1 1 0; }
.dr-told { color: var(--dr-soft); font-size: 13px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dr-told.dr-unsaved { color: var(--dr-warn); font-weight: 600; }
.dr-main { flex: 1 1 auto; min-height: 0; display: grid; grid-template-columns: minmax(0, 1fr) 336px; }
.dr-left { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: var(--dr-stage); }
.dr-tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; padding: 6px 12px;
  background: var(--dr-card); border-bottom: 1px solid var(--dr-line); }
.dr-hint { padding: 7px 16px; background: var(--dr-accent); color: #fff; font-weight: 500; min-height: 36px; }
body.body--dark .dr-hint { color: #0a0e13; }
.dr-about { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; padding: 4px 16px;
  background: var(--dr-card); border-top: 1px solid var(--dr-line); color: var(--dr-soft); font-size: 13px; }
.dr-about .q-slider { flex: 1 1 160px; min-width: 120px; }
.dr-canvas { flex: 1 1 0; min-height: 0; position: relative; overflow: clip; }
.dr-wait { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; padding: 24px;
  color: #fff; text-align: center; flex-direction: column; gap: 12px; pointer-events: none; }
.dr-wait > * { pointer-events: auto; max-width: 560px; overflow-wrap: anywhere; }
.dr-stage { position: absolute; inset: 10px; display: flex; align-items: center; justify-content: center; }
.dr-fit { position: relative; }
.dr-fit img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; user-select: none; }
.dr-svg { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; outline: none; overflow: visible;
  user-select: none; -webkit-user-select: none; }
.dr-page .dr-svg:focus-visible { outline: none; }
.dr-polygon, .dr-box { cursor: crosshair; }
.dr-halo { fill: none; stroke: rgba(0, 0, 0, .55); stroke-width: 4.5; stroke-linejoin: round; pointer-events: none; }
.dr-area { fill-opacity: .12; stroke-width: 2; stroke-linejoin: round; }
.dr-chosen > .dr-area { fill-opacity: .24; stroke-width: 2.5; }
.dr-select .dr-area { cursor: move; }
.dr-polygon .dr-shape, .dr-box .dr-shape { pointer-events: none; }
.dr-name { fill: #fff; font: 600 14px system-ui, sans-serif; paint-order: stroke; stroke: rgba(0, 0, 0, .8);
  stroke-width: 4px; stroke-linejoin: round; pointer-events: none; }
.dr-edge { stroke: transparent; stroke-width: 12; cursor: copy; }
.dr-reach { fill: transparent; }
.dr-middle { cursor: copy; }
.dr-middle .dr-dot { fill: rgba(255, 255, 255, .85); stroke-width: 2; }
.dr-corner { cursor: grab; }
.dr-corner .dr-dot { stroke: #fff; stroke-width: 2; }
.dr-corner.dr-chosen .dr-dot { stroke: #000; stroke-width: 3.5; fill: #fff !important; }
.dr-line { fill: none; stroke: #fff; stroke-width: 2; stroke-dasharray: 6 4; }
.dr-draft { pointer-events: none; }
.dr-draft .dr-dot { fill: #fff; stroke: #000; stroke-width: 1.5; }
.dr-draft .dr-first { fill: #2fd27a; stroke: #fff; stroke-width: 2.5; }
rect.dr-box { fill: rgba(255, 255, 255, .15); stroke: #fff; stroke-width: 2; stroke-dasharray: 6 4; }
.dr-side { display: flex; flex-direction: column; gap: 10px; padding: 12px; overflow-y: auto; min-height: 0;
  border-left: 1px solid var(--dr-line); background: var(--dr-back); }
.dr-side h2 { margin: 0; font-size: 15px; line-height: 1.4; font-weight: 650; }
.dr-empty { color: var(--dr-soft); }
.dr-empty ol { margin: 6px 0 0; padding-left: 20px; list-style: decimal; }
.dr-empty li { margin: 4px 0; }
.dr-cards { display: flex; flex-direction: column; gap: 10px; }
.dr-cards:empty { display: none; }
.dr-card { background: var(--dr-card); border: 1px solid var(--dr-line); border-radius: 10px; padding: 8px 10px;
  display: flex; flex-direction: column; gap: 6px; }
.dr-card.dr-on { border-color: var(--dr-accent); box-shadow: 0 0 0 1px var(--dr-accent); }
.dr-row .q-toggle__label { font-size: 13px; }
.dr-row { display: flex; align-items: center; gap: 8px; min-width: 0; }
.dr-colour { width: 14px; height: 14px; border-radius: 4px; flex: none; box-shadow: 0 0 0 1px rgba(0, 0, 0, .25); }
.dr-row .q-field { flex: 1 1 0; min-width: 0; }
.dr-cut { background: repeating-conic-gradient(#c9ced6 0 25%, #e7eaee 0 50%) 0 0 / 16px 16px; border-radius: 6px;
  display: flex; justify-content: center; overflow: hidden; }
.dr-cut img { display: block; max-width: 100%; max-height: 220px; object-fit: contain; }
.dr-small { font-size: 13px; color: var(--dr-soft); }
.dr-warning { font-size: 13px; color: var(--dr-warn); background: var(--dr-warn-back); border-radius: 6px;
  padding: 5px 8px; overflow-wrap: anywhere; }
.dr-bad { color: var(--dr-bad); font-weight: 600; }
.dr-note { padding: 6px 16px; color: var(--dr-warn); background: var(--dr-warn-back); font-size: 14px; }
.dr-said { display: flex; align-items: center; gap: 12px; padding: 6px 16px; background: var(--dr-good-back);
  color: var(--dr-good); border-bottom: 1px solid var(--dr-line); }
.dr-said > div { flex: 1 1 auto; min-width: 0; max-height: 25dvh; overflow-y: auto; overflow-wrap: anywhere; }
.dr-said.dr-wrong { background: var(--dr-bad-back); color: var(--dr-bad); }
.dr-said .q-btn { flex: none; }
.dr-keys { font-size: 13px; color: var(--dr-soft); }
.dr-keys td { padding: 1px 10px 1px 0; vertical-align: top; }
@media (max-width: 760px) {
  .dr-page { height: auto; min-height: 100dvh; }
  .dr-top { position: sticky; top: 0; z-index: 5; }
  .dr-head { padding: 6px 10px; flex-wrap: nowrap; gap: 6px; }
  .dr-said { padding: 6px 10px; font-size: 14px; }
  .dr-head .dr-file, .dr-head .dr-told:not(.dr-unsaved), .dr-keys { display: none; }
  .dr-main { display: flex; flex-direction: column; }
  .dr-canvas { flex: none; height: min(64vh, calc(100vw * var(--dr-shape) + 20px)); }
  .dr-stage { inset: 10px 6px; }
  .dr-side { border-left: 0; overflow: visible; }
  .dr-tools { padding: 6px 10px; flex-wrap: nowrap; }
  .dr-another .q-btn__content > .block { position: absolute; width: 1px; height: 1px; clip-path: inset(50%);
    overflow: hidden; white-space: nowrap; }
  .dr-head .q-btn__content { flex-wrap: nowrap; }
  .dr-head .q-btn .q-icon.on-left { display: none; }
  .dr-hint { min-height: 56px; font-size: 14px; }
}
"""
