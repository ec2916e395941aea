// A picture with polygons on it that can be drawn, chosen, moved and shaped. What a gesture means while it lasts is
// shown here at once; when it ends it is told ("act"), and the polygons that come back are what counts.

const NEAR = 12; // pixels on the screen within which the first corner is meant; with fingers twice as many
const STILL = 3; // pixels that a pointer may move and it is still a click
const TWICE = 400; // milliseconds between the two clicks of a double click
const LETTER = 9; // pixels that a letter of a name is wide, about
const APART = 60; // milliseconds from one word of a movement to the next

export default {
  template: `
    <div class="dr-stage" ref="stage">
      <div class="dr-fit" :style="{ width: wide + 'px', height: high + 'px' }">
        <img v-if="src" :src="src" alt="" draggable="false">
        <svg ref="svg" tabindex="0" role="application" :aria-label="label" :viewBox="'0 0 ' + wide + ' ' + high"
             :class="['dr-svg', 'dr-' + mode, { 'dr-touch': touch }]"
             @pointerdown="press" @pointermove="move" @pointerup="drop" @pointercancel="give_up"
             @pointerleave="at = null" @contextmenu.prevent>
          <g v-for="shape in drawn" :key="shape.key" :class="['dr-shape', { 'dr-chosen': shape.chosen }]">
            <polygon class="dr-halo" :points="path(shape.points)" />
            <polygon class="dr-area" :points="path(shape.points)" :data-shape="shape.key" data-part="area"
                     :style="{ fill: shape.colour, stroke: shape.colour }"
                     :stroke-dasharray="shape.masked ? null : '9 5'" />
            <text class="dr-name" :x="label_at(shape)[0]" :y="label_at(shape)[1]"
                  text-anchor="middle">{{ short(shape.name) }}</text>
            <template v-if="shape.chosen && mode === 'select'">
              <line v-for="(point, n) in shape.points" :key="'e' + n" class="dr-edge" data-part="edge"
                    :data-shape="shape.key" :data-n="n" :x1="px(point)" :y1="py(point)"
                    :x2="px(next(shape.points, n))" :y2="py(next(shape.points, n))" />
              <g v-for="(middle, n) in middles(shape.points)" :key="'m' + n" class="dr-middle" data-part="edge"
                 :data-shape="shape.key" :data-n="n">
                <circle class="dr-reach" :cx="middle[0]" :cy="middle[1]" :r="touch ? 16 : 10" />
                <circle class="dr-dot" :cx="middle[0]" :cy="middle[1]" r="4" :style="{ stroke: shape.colour }" />
              </g>
              <g v-for="(point, n) in shape.points" :key="'c' + n" data-part="corner" :data-shape="shape.key"
                 :data-n="n" :class="['dr-corner', { 'dr-chosen': n === shape.corner }]">
                <circle class="dr-reach" :cx="px(point)" :cy="py(point)" :r="touch ? 20 : 12" />
                <circle class="dr-dot" :cx="px(point)" :cy="py(point)" :r="touch ? 9 : 6.5"
                        :style="{ fill: shape.colour }" />
              </g>
            </template>
          </g>
          <g v-if="draft.length" class="dr-draft">
            <polyline class="dr-halo" :points="path(trail)" />
            <polyline class="dr-line" :points="path(trail)" />
            <circle v-for="(point, n) in draft" :key="n" :class="['dr-dot', { 'dr-first': n === 0 && draft.length > 2 }]"
                    :cx="px(point)" :cy="py(point)" :r="n === 0 && draft.length > 2 ? (touch ? 13 : 9) : 5" />
          </g>
          <rect v-if="box" class="dr-box" :x="Math.min(px(box[0]), px(box[1]))" :y="Math.min(py(box[0]), py(box[1]))"
                :width="Math.abs(px(box[0]) - px(box[1]))" :height="Math.abs(py(box[0]) - py(box[1]))" />
        </svg>
      </div>
    </div>`,
  props: {
    src: String,
    label: String,
    size: Array, // width and height of the picture
    shapes: Array, // key, name, colour, points, masked, chosen, corner
    draft: Array, // corners of a polygon that is being drawn
    mode: String, // select, polygon or box
    answered: Number, // counted up with each act that was answered
    unsaved: Boolean,
  },
  emits: ["act"],
  data: () => ({ wide: 1, high: 1, at: null, held: null, box: null, shown: null, touch: false }),
  created() {
    this.told = 0;
    this.placed = null;
  },
  mounted() {
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.$refs.stage);
    this.fit();
    window.addEventListener("keydown", this.key);
    window.addEventListener("beforeunload", this.leave);
  },
  unmounted() {
    this.watcher.disconnect();
    window.removeEventListener("keydown", this.key);
    window.removeEventListener("beforeunload", this.leave);
  },
  watch: {
    size: "fit",
    answered() {
      if (!this.held) this.shown = null;
    },
  },
  computed: {
    drawn() {
      const shapes = this.shapes.map((shape) =>
        this.shown && this.shown.key === shape.key
          ? { ...shape, points: this.shown.points, chosen: true, corner: this.shown.corner }
          : shape,
      );
      return [...shapes.filter((shape) => !shape.chosen), ...shapes.filter((shape) => shape.chosen)];
    },
    trail() {
      return this.at && this.mode === "polygon" ? [...this.draft, this.at] : this.draft;
    },
  },
  methods: {
    fit() {
      const stage = this.$refs.stage;
      if (!stage) return;
      const [width, height] = this.size;
      const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height);
      this.wide = Math.max(1, Math.floor(width * scale));
      this.high = Math.max(1, Math.floor(height * scale));
    },
    px(point) {
      return point[0] * this.wide;
    },
    py(point) {
      return point[1] * this.high;
    },
    path(points) {
      return points.map((point) => `${this.px(point)},${this.py(point)}`).join(" ");
    },
    next(points, n) {
      return points[(n + 1) % points.length];
    },
    middles(points) {
      return points.map((point, n) => {
        const other = this.next(points, n);
        return [(this.px(point) + this.px(other)) / 2, (this.py(point) + this.py(other)) / 2];
      });
    },
    label_at(shape) {
      const top = shape.points.reduce((best, point) => (point[1] < best[1] ? point : best));
      const x = this.px(top), y = this.py(top);
      const half = Math.min(this.wide, this.short(shape.name).length * LETTER) / 2;
      return [Math.min(this.wide - half, Math.max(half, x)), y > 26 ? y - 12 : y + 26];
    },
    short(name) {
      const letters = [...name], most = Math.max(8, Math.floor(this.wide / LETTER));
      return letters.length > most ? letters.slice(0, most - 1).join("") + "\u2026" : name;
    },
    point(event) {
      const frame = this.$refs.svg.getBoundingClientRect();
      const share = (value, begin, length) => Math.min(1, Math.max(0, (value - begin) / length));
      return [share(event.clientX, frame.left, frame.width), share(event.clientY, frame.top, frame.height)];
    },
    far(one, other) {
      return Math.hypot(this.px(one) - this.px(other), this.py(one) - this.py(other));
    },
    act(kind, more = {}) {
      this.$emit("act", { kind, ...more });
    },
    press(event) {
      if (event.button !== 0 || this.held) return;
      this.touch = event.pointerType === "touch";
      this.$refs.svg.focus({ preventScroll: true });
      const point = this.point(event);
      if (this.mode === "polygon") return this.place(point);
      this.$refs.svg.setPointerCapture(event.pointerId);
      if (this.mode === "box") {
        this.held = { part: "box", begin: point };
        this.box = [point, point];
        return;
      }
      const found = event.target.closest("[data-part]");
      if (!found) {
        this.held = { part: "nothing", begin: point };
        return;
      }
      const key = Number(found.dataset.shape), n = Number(found.dataset.n);
      const points = this.drawn.find((shape) => shape.key === key).points;
      this.held = { part: found.dataset.part, key, n, begin: point, points, moved: false };
    },
    place(point) {
      const now = performance.now();
      const again = this.placed && now - this.placed.time < TWICE && this.far(this.placed.point, point) < 5;
      const closes = this.draft.length > 2 && this.far(this.draft[0], point) < (this.touch ? 2 * NEAR : NEAR);
      this.placed = { time: now, point };
      if (again || closes) {
        this.placed = null;
        this.act("close");
      } else {
        this.act("place", { point });
      }
    },
    move(event) {
      const point = this.point(event);
      this.at = point;
      const held = this.held;
      if (!held) return;
      if (held.part === "box") {
        this.box = [held.begin, point];
        return;
      }
      if (held.part === "nothing" || (!held.moved && this.far(held.begin, point) < STILL)) return;
      held.moved = true;
      const points = held.points.map((one) => [...one]);
      if (held.part === "corner") {
        points[held.n] = point;
      } else if (held.part === "edge") {
        points.splice(held.n + 1, 0, point);
      } else {
        const by = [0, 1].map((axis) => {
          const values = held.points.map((one) => one[axis]);
          return Math.min(Math.max(point[axis] - held.begin[axis], -Math.min(...values)), 1 - Math.max(...values));
        });
        points.forEach((one, n) => (points[n] = [one[0] + by[0], one[1] + by[1]]));
        held.by = by;
      }
      this.shown = {
        key: held.key,
        points,
        corner: held.part === "corner" ? held.n : held.part === "edge" ? held.n + 1 : null,
      };
      const now = performance.now();
      if (now - this.told > APART) {
        this.told = now;
        this.act("moving", { key: held.key, points });
      }
    },
    drop(event) {
      const held = this.held;
      this.held = null;
      if (!held) return;
      const point = this.point(event);
      if (held.part === "box") {
        this.box = null;
        this.act("box", { one: held.begin, other: point });
      } else if (held.part === "nothing") {
        this.act("choose", { key: null, corner: null });
      } else if (!held.moved) {
        this.act("choose", { key: held.key, corner: held.part === "corner" ? held.n : null });
      } else if (held.part === "corner") {
        this.act("corner", { key: held.key, corner: held.n, point });
      } else if (held.part === "edge") {
        this.act("insert", { key: held.key, before: held.n + 1, point });
      } else {
        this.act("shift", { key: held.key, by: held.by });
      }
    },
    give_up() {
      if (this.held && this.held.key) this.act("choose", { key: this.held.key, corner: null });
      this.held = this.box = this.shown = null;
    },
    key(event) {
      const there = document.activeElement;
      if (event.altKey || document.querySelector(".q-dialog")) return;
      if (there && there.closest("input, textarea, select, [contenteditable], .q-slider")) return;
      const control = event.ctrlKey || event.metaKey;
      const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (control ? !["z", "y"].includes(name) : !this.is_key(name, there)) return;
      event.preventDefault();
      if (name === "Escape" && this.held) return this.give_up();
      this.act("key", { key: name, control, shift: event.shiftKey });
    },
    is_key(name, there) {
      if (name === "Enter") return !(there && there.closest("button, a"));
      return ["Escape", "Delete", "Backspace", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(name);
    },
    leave(event) {
      if (this.unsaved) event.preventDefault();
    },
  },
};
