// Posters: drawn from title, year, genres and id, always the same way; TMDB's in their place where the operator has a key.

import { h, svg } from "./dom.js";
import { health } from "./shared.js";

const W = 200;
const H = 300;
const EDGE = 16; // around the title

// Hues of the dark, the middle and the bright colour; one set is taken by chance.
const HUES = {
  Action: [[220, 14, 28], [8, 20, 44], [205, 200, 18], [280, 330, 40]],
  Adventure: [[190, 165, 38], [28, 18, 44], [210, 150, 30], [160, 90, 48]],
  Animation: [[265, 200, 48], [200, 170, 52], [325, 15, 48], [225, 290, 340]],
  Children: [[205, 45, 350], [150, 190, 45], [285, 25, 190], [18, 350, 50]],
  Comedy: [[350, 28, 48], [195, 172, 48], [265, 325, 42], [22, 10, 46]],
  Crime: [[215, 205, 5], [355, 355, 38], [35, 30, 48], [240, 215, 190]],
  Documentary: [[205, 190, 28], [95, 130, 62], [25, 20, 40], [225, 200, 150]],
  Drama: [[230, 255, 25], [20, 12, 34], [175, 165, 12], [330, 285, 28]],
  Fantasy: [[262, 285, 45], [165, 180, 55], [225, 250, 310], [345, 300, 42]],
  "Film-Noir": [[220, 220, 46], [30, 25, 42], [0, 0, 4]],
  Horror: [[350, 2, 8], [255, 285, 130], [155, 150, 70], [12, 358, 32]],
  Musical: [[290, 325, 48], [352, 345, 40], [225, 265, 330], [18, 340, 190]],
  Mystery: [[235, 215, 46], [170, 190, 85], [275, 255, 20], [205, 170, 340]],
  Romance: [[342, 350, 18], [318, 340, 40], [12, 358, 345], [262, 320, 350]],
  "Sci-Fi": [[232, 205, 178], [258, 312, 190], [200, 180, 24], [280, 225, 55]],
  Thriller: [[200, 195, 12], [358, 8, 48], [170, 175, 60], [250, 220, 0]],
  War: [[85, 75, 42], [25, 18, 30], [210, 95, 8]],
  Western: [[18, 24, 40], [350, 14, 36], [32, 190, 28]],
};
const PLAIN = [[215, 190, 20], [345, 20, 175], [265, 205, 50], [145, 90, 35], [190, 220, 345], [15, 40, 200]];

// What is drawn, the most telling genre first.
const ART = {
  Western: ["mesa", "ridges"],
  "Film-Noir": ["blinds", "city"],
  Musical: ["curtain", "bars", "arcs"],
  War: ["beams", "shards"],
  "Sci-Fi": ["planet", "horizon", "orbits"],
  Horror: ["forest", "eye", "drops"],
  Animation: ["bubbles", "arcs", "tiles"],
  Fantasy: ["castle", "forest", "orbits"],
  Children: ["arcs", "bubbles", "confetti"],
  Documentary: ["contours", "bars", "waves"],
  Mystery: ["eye", "spiral", "blinds"],
  Romance: ["lens", "petals", "waves"],
  Crime: ["city", "blinds", "shards"],
  Thriller: ["spiral", "rings", "shards"],
  Adventure: ["ridges", "horizon", "waves"],
  Action: ["burst", "shards", "city"],
  Comedy: ["confetti", "tiles", "burst"],
  Drama: ["waves", "lens", "tiles", "rings", "contours"],
};
const LIGHT = { Comedy: 0.65, Children: 0.7, Animation: 0.55, Romance: 0.5, Documentary: 0.5, Musical: 0.35, Drama: 0.35 };

const FACES = {
  sans: { family: "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif", weight: 800, upper: false, space: -0.02 },
  caps: { family: "'Avenir Next', Futura, 'Century Gothic', 'Segoe UI', system-ui, sans-serif", weight: 700, upper: true, space: 0.06 },
  narrow: { family: "Impact, 'Haettenschweiler', 'Arial Narrow', 'Roboto Condensed', 'DejaVu Sans Condensed', sans-serif",
    weight: 700, upper: true, space: 0.01 },
  serif: { family: "Didot, 'Bodoni 72', Georgia, 'Noto Serif', 'Times New Roman', serif", weight: 700, upper: false, space: -0.01 },
  italic: { family: "'Iowan Old Style', Palatino, Georgia, 'Noto Serif', serif", weight: 600, upper: false, space: 0, style: "italic" },
  slab: { family: "Rockwell, 'Roboto Slab', 'Courier New', 'DejaVu Serif', serif", weight: 700, upper: true, space: 0.02 },
};
const FACE_OF = {
  Western: ["slab"], "Film-Noir": ["caps", "serif"], Horror: ["narrow", "serif"], Romance: ["italic", "serif"],
  Fantasy: ["serif", "italic"], "Sci-Fi": ["caps", "sans"], War: ["slab", "narrow"], Action: ["narrow", "sans"],
  Drama: ["serif", "caps", "italic", "sans"], Comedy: ["sans", "narrow", "slab"], Musical: ["italic", "caps"],
};

// Chance that is always the same

function seedOf(text) {
  let a = 0x811c9dc5;
  for (const char of text) a = Math.imul(a ^ char.codePointAt(0), 0x01000193);
  return a >>> 0;
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Shapes

const n = (value) => Math.round(value * 10) / 10;
const path = (d, props) => svg("path", { d, ...props });
const disc = (x, y, r, fill, props) => svg("circle", { cx: n(x), cy: n(y), r: n(r), fill, ...props });
const box = (x, y, w, height, fill, props) => svg("rect", { x: n(x), y: n(y), width: n(w), height: n(height), fill, ...props });
const poly = (points, fill, props) => path(`M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join("L")}Z`, { fill, ...props });
const line = (d, stroke, width, props) => path(d, { fill: "none", stroke, "stroke-width": n(width), ...props });
const times = (count, make) => Array.from({ length: Math.round(count) }, (_, i) => make(i));
const polar = (x, y, r, a) => [x + r * Math.cos(a), y + r * Math.sin(a)];
const ring = (x, y, r, stroke, width, props) => disc(x, y, r, "none", { stroke, "stroke-width": n(width), ...props });

/** A silhouette from the left edge to the right, closed below. `rise(i)` is the height of step i. */
function skyline(base, steps, rise, fill, props) {
  const tops = times(steps + 1, (i) => [(i * W) / steps, base - rise(i)]);
  return poly([[0, H], ...tops, [W, H]], fill, props);
}

function heart(x, y, s) {
  const at = (dx, dy) => `${n(x + dx * s)} ${n(y + dy * s)}`;
  return `M${at(0, 1)}C${at(-1.6, -0.1)} ${at(-0.9, -1.1)} ${at(0, -0.4)}C${at(0.9, -1.1)} ${at(1.6, -0.1)} ${at(0, 1)}Z`;
}

/** Every drawing takes p: {r(from, to), pick, flip, x, y: its middle, up: 1 with the title below, c: colours, id}. */
const DRAW = {
  ridges: ({ r, x, y, c, up }) => [
    disc(x, y - 10, r(28, 52), c.bright),
    ...times(4, (i) => skyline(y + 20 + i * 26, 6 + i, () => r(0, 62 - i * 9), i % 2 ? c.mid : c.shade, { opacity: 0.55 + i * 0.15 })),
    !up && box(0, y + 110, W, H, c.shade),
  ],
  mesa: ({ r, x, y, c }) => {
    const flat = (left, width, height, base, fill) =>
      poly([[left - 14, base], [left, base - height], [left + width, base - height], [left + width + 14, base]], fill);
    return [
      disc(x, y, r(38, 58), c.bright),
      ...times(5, (i) => box(0, y - 34 + i * 18, W, 2 + i, c.bg, { opacity: 0.7 })),
      flat(r(-10, 20), r(50, 80), r(40, 66), y + 62, c.mid), flat(r(110, 140), r(34, 60), r(22, 50), y + 62, c.mid),
      skyline(y + 66, 5, () => r(0, 12), c.shade),
      line(`M${n(x - 30)} ${y + 70}v-34m0 16h-9v-12m9 18h9v-14`, c.shade, 5, { "stroke-linecap": "round", "stroke-linejoin": "round" }),
    ];
  },
  city: ({ r, flip, y, c }) => [
    disc(r(45, 155), y - 45, r(18, 34), c.bright),
    ...[c.mid, c.shade].flatMap((fill, layer) => {
      let at = -6;
      const towers = [];
      while (at < W) {
        const width = r(16, 34);
        const top = y + layer * 28 - r(0, 74);
        towers.push(box(at, top, width + 0.5, H, fill));
        if (layer) {
          for (let wy = top + 7; wy < y + 120; wy += 9) {
            for (let wx = at + 5; wx < at + width - 4; wx += 7) if (flip(0.3)) towers.push(box(wx, wy, 3, 4.5, c.bright));
          }
        }
        at += width;
      }
      return towers;
    }),
  ],
  blinds: ({ r, x, y, c }) => {
    const lean = r(-22, 22);
    return [
      disc(x, y, r(52, 72), c.bright),
      disc(x + r(-20, 20), y + r(14, 34), r(26, 38), c.shade), box(x - 44, y + 46, 88, 120, c.shade, { rx: 40 }),
      ...times(15, (i) => poly([[0, i * 19 - lean], [W, i * 19 + lean], [W, i * 19 + 9 + lean], [0, i * 19 + 9 - lean]], c.bg, { opacity: 0.82 })),
    ];
  },
  planet: ({ r, flip, x, y, c, id }) => {
    const size = r(46, 72);
    const tilt = r(-32, 32);
    return [
      ...times(46, () => disc(r(0, W), r(0, H), r(0.4, 1.5), c.paper, { opacity: 0.75 })),
      svg("clipPath", { id: `${id}c` }, disc(x, y, size)),
      disc(x, y, size, c.mid),
      svg("g", { "clip-path": `url(#${id}c)` },
        times(5, (i) => box(x - 90, y - size + i * size * 0.45, 180, r(3, 14), c.bright, { opacity: 0.5, transform: `rotate(${n(tilt)} ${n(x)} ${n(y)})` })),
        disc(x + size * 0.5, y + size * 0.35, size * 1.15, c.shade, { opacity: 0.45 })),
      ...times(flip(0.6) ? 2 : 0, (i) => svg("ellipse", { cx: n(x), cy: n(y), rx: n(size * (1.45 + i * 0.2)), ry: n(size * 0.32), fill: "none",
        stroke: c.bright, "stroke-width": 3 - i * 1.6, transform: `rotate(${n(tilt)} ${n(x)} ${n(y)})` })),
      disc(r(20, 180), y - r(60, 90), r(5, 11), c.bright),
    ];
  },
  horizon: ({ r, x, y, c }) => {
    const size = r(46, 62);
    const base = y + 40;
    return [
      ...times(26, () => disc(r(0, W), r(0, y), r(0.4, 1.3), c.paper, { opacity: 0.7 })),
      disc(x, y, size, c.bright),
      ...times(6, (i) => box(0, y - 4 + i * 9, W, 1.5 + i * 1.1, c.bg)),
      box(0, base, W, H, c.shade),
      ...times(17, (i) => line(`M${n(x)} ${n(base - 26)}L${(i - 8) * 60 + 100} ${H}`, c.mid, 1, { opacity: 0.9 })),
      box(0, base - 30, W, 30, c.bg, { opacity: 0 }),
      ...times(8, (i) => box(0, base + i * i * 3.4, W, 1, c.mid)),
    ];
  },
  orbits: ({ r, x, y, c }) => times(7, (i) => {
    const size = 20 + i * r(13, 18);
    const [px, py] = polar(x, y, size, r(0, 6.28));
    return [ring(x, y, size, i % 2 ? c.mid : c.bright, r(0.6, 1.8)), disc(px, py, r(2.5, 8), i % 3 ? c.bright : c.paper)];
  }).concat([[disc(x, y, r(9, 17), c.bright)]]),
  eye: ({ r, x, y, c }) => {
    const lid = (w, height, fill) => path(`M${n(x - w)} ${y}Q${n(x)} ${n(y - height)} ${n(x + w)} ${y}Q${n(x)} ${n(y + height)} ${n(x - w)} ${y}Z`, { fill });
    const iris = r(24, 32);
    return [
      ...times(5, (i) => lid(118 - i * 8, 124 - i * 19, i % 2 ? c.bg : c.mid)),
      lid(80, 62, c.paper), disc(x, y, iris, c.bright),
      ...times(30, (i) => line(`M${polar(x, y, iris * 0.5, i / 4.77).map(n).join(" ")}L${polar(x, y, iris * r(0.75, 0.98), i / 4.77).map(n).join(" ")}`, c.shade, 1)),
      disc(x, y, iris * r(0.36, 0.52), c.shade), disc(x + 8, y - 9, 4, c.paper),
    ];
  },
  forest: ({ r, flip, y, c }) => [
    disc(r(55, 145), y - 20, r(34, 56), c.bright),
    ...times(3, (layer) => times(7 + layer * 2, (i) => {
      const at = (i + r(0, 0.8)) * (W / (7 + layer * 2));
      const thick = r(1.5, 3) + layer * 1.8;
      const branches = times(5, () => {
        const from = r(20, 210);
        const reach = r(10, 30) * (flip(0.5) ? 1 : -1);
        return line(`M${n(at)} ${n(from)}q${n(reach * 0.5)} -4 ${n(reach)} ${n(-r(8, 22))}`, c.shade, thick * 0.35);
      });
      return svg("g", { opacity: 0.35 + layer * 0.32 }, poly([[at - thick * 0.4, 0], [at + thick * 0.4, 0], [at + thick, H], [at - thick, H]], c.shade), branches);
    })),
  ],
  drops: ({ r, y, c }) => {
    const falls = times(11, (i) => [i * 20, r(0, 1) ** 2 * 130 + y - 96]);
    const d = falls.map(([at, end]) => `V${n(end)}a8.4 8.4 0 0 0 16.8 0V${n(y - 100 + 10)}q1.6 -7 3.2 0`).join("");
    return [disc(W / 2, y + 20, r(56, 74), c.mid), path(`M-2 0V${n(y - 90)}${d}V0Z`, { fill: c.bright })];
  },
  bubbles: ({ r, pick, x, y, c }) => times(11, (i) =>
    disc(x + r(-96, 96), y + r(-92, 92), r(14, 62) * (1 - i * 0.045), pick([c.mid, c.bright, c.bright, c.paper, c.shade]), { opacity: n(r(0.5, 0.95)) })),
  arcs: ({ r, pick, c, up, y }) => {
    const [cx, cy] = [pick([0, W, W / 2]), y + (up ? 62 : 30)];
    const wide = r(13, 21);
    return times(8, (i) => disc(cx, cy, (8 - i) * wide + 6, [c.mid, c.bright, c.paper, c.shade][(i + 1) % 4]));
  },
  castle: ({ r, x, y, c }) => [
    disc(x, y - 24, r(36, 58), c.bright), ...times(30, () => disc(r(0, W), r(0, y + 10), r(0.5, 1.6), c.paper)),
    ...times(9, (i) => {
      const at = x + (i - 4) * 17 + r(-4, 4);
      const width = r(9, 15);
      const top = y + 46 - (1 - Math.abs(i - 4) / 5) * r(40, 96);
      return [box(at - width / 2, top, width, H, c.shade), poly([[at - width * 0.75, top], [at, top - r(16, 36)], [at + width * 0.75, top]], i % 2 ? c.shade : c.mid)];
    }),
    skyline(y + 66, 6, () => r(0, 18), c.shade),
  ],
  beams: ({ r, y, c }) => [
    ...times(5, (i) => {
      const [from, to] = [i * 46 + r(0, 20), r(-20, 220)];
      return poly([[from, y + 70], [to - r(10, 24), -10], [to + r(10, 24), -10]], c.bright, { opacity: 0.28 });
    }),
    ...times(3, (i) => skyline(y + 62 + i * 18, 9, () => r(0, 22), i % 2 ? c.mid : c.shade)),
    line(times(13, (i) => `M${i * 17} ${n(y + 52)}l7 9m0 -9l-7 9`).join("") + `M0 ${n(y + 56)}H200`, c.shade, 1.5),
  ],
  shards: ({ r, pick, x, y, c }) => times(15, (i) => {
    const a = r(0, 6.28);
    const far = r(60, 190);
    return poly([[x, y], polar(x, y, far, a), polar(x, y, far * r(0.5, 1), a + r(0.12, 0.42))], pick([c.mid, c.bright, c.shade, c.bright]), { opacity: 0.9 - i * 0.02 });
  }),
  burst: ({ r, x, y, c }) => {
    const rays = Math.round(r(9, 17));
    const turn = r(0, 1);
    return [
      ...times(rays, (i) => poly([[x, y], polar(x, y, 330, turn + (i / rays) * 6.283), polar(x, y, 330, turn + ((i + 0.5) / rays) * 6.283)], c.mid)),
      disc(x, y, r(36, 58), c.bright), ring(x, y, r(62, 76), c.bright, r(1, 5)),
    ];
  },
  bars: ({ r, y, c }) => {
    const count = Math.round(r(9, 19));
    const gap = W / count;
    return times(count, (i) => {
      const tall = (20 + 78 * Math.abs(Math.sin(i * r(0.38, 0.42) + 1))) * r(0.55, 1);
      return box(i * gap + gap * 0.18, y - tall, gap * 0.64, tall * 2, i % 3 ? c.mid : c.bright, { rx: n(gap * 0.32) });
    });
  },
  curtain: ({ r, x, y, c }) => [
    ...times(10, (i) => box(i * 20, 0, 20, H, i % 2 ? c.mid : c.shade)), svg("ellipse", { cx: n(x), cy: n(y + 70), rx: 92, ry: 22, fill: c.bright, opacity: 0.9 }),
    poly([[x - 18, -10], [x + 18, -10], [x + 88, y + 70], [x - 88, y + 70]], c.bright, { opacity: 0.32 }),
    disc(x, y + r(0, 22), 13, c.shade), poly([[x - 20, y + 74], [x, y + 22], [x + 20, y + 74]], c.shade),
  ],
  contours: ({ r, x, y, c }) => times(13, (i) => {
    const size = 10 + i * 10.5;
    const points = times(24, (k) => polar(x, y, size * (1 + 0.16 * Math.sin(k * 0.785 + i * 0.21 + x) + 0.1 * Math.sin(k * 0.26 * 3 + y)), k * 0.2618));
    const d = points.map(([px, py], k) => {
      const [qx, qy] = points[(k + 1) % 24];
      return `${k ? "Q" : `M${n((points[23][0] + px) / 2)} ${n((points[23][1] + py) / 2)}Q`}${n(px)} ${n(py)} ${n((px + qx) / 2)} ${n((py + qy) / 2)}`;
    });
    return line(`${d.join("")}Z`, i % 4 ? c.mid : c.bright, r(1, 1.6));
  }),
  waves: ({ r, x, y, c }) => {
    const high = r(7, 17);
    const long = r(0.9, 2.2);
    return [disc(x, y - 26, r(30, 56), c.bright), ...times(7, (i) => {
      const base = y - 4 + i * 22;
      const points = times(21, (k) => `${k * 10} ${n(base + Math.sin(k * 0.31 * long + i * 1.1 + x) * high)}`);
      return path(`M0 ${H}L${points.join("L")}L200 ${H}Z`, { fill: [c.mid, c.shade][i % 2], opacity: 0.82 });
    })];
  },
  lens: ({ r, x, y, c, id }) => {
    const size = r(50, 66);
    const apart = size * r(0.42, 0.72);
    const [dx, dy] = polar(0, 0, apart, r(-0.7, 0.7));
    return [
      svg("clipPath", { id: `${id}c` }, disc(x - dx, y - dy, size)), disc(x - dx, y - dy, size, c.mid), disc(x + dx, y + dy, size, c.bright),
      svg("g", { "clip-path": `url(#${id}c)` }, disc(x + dx, y + dy, size, c.paper)),
      line(`M0 ${n(y + size + 14)}H200`, c.bright, r(0.8, 2)),
    ];
  },
  petals: ({ r, x, y, c, flip }) => (flip(0.45)
    ? times(6, (i) => path(heart(x, y, 84 - i * 14), { fill: [c.mid, c.bright, c.paper][i % 3] }))
    : times(3, (layer) => times(9 - layer * 2, (i) => svg("ellipse", { cx: n(x), cy: n(y - 50 + layer * 16), rx: 22 - layer * 5, ry: 48 - layer * 12, opacity: 0.85,
      fill: [c.mid, c.bright, c.paper][layer], transform: `rotate(${n((i * 360) / (9 - layer * 2) + layer * 14)} ${n(x)} ${n(y)})` })))
      .concat([[disc(x, y, r(8, 13), c.shade)]])),
  spiral: ({ r, x, y, c }) => {
    const turns = r(4.5, 7);
    const spin = r(0, 6.28);
    const arm = (offset) => times(turns * 18, (i) => polar(x, y, (i / (turns * 18)) ** 1.25 * 170, i * 0.349 + spin + offset).map(n).join(" "));
    return [0, 3.14].map((offset, i) => line(`M${arm(offset).join("L")}`, i ? c.bright : c.mid, r(7, 13), { "stroke-linejoin": "round" }))
      .concat([disc(x, y, r(6, 12), c.paper)]);
  },
  rings: ({ r, x, y, c }) => {
    const cut = r(-40, 40);
    return [...times(8, (i) => disc(x, y, 112 - i * 14, i % 2 ? c.bg : i % 4 ? c.mid : c.bright)),
      poly([[0, y + 30 + cut], [W, y + 10 - cut], [W, y + 24 - cut], [0, y + 44 + cut]], c.bg),
      poly([[0, y - 52 - cut], [W, y - 38 + cut], [W, y - 32 + cut], [0, y - 46 - cut]], c.bg)];
  },
  tiles: ({ r, pick, y, c, up }) => {
    const size = pick([40, 50, 66.7]);
    const rows = Math.ceil(200 / size);
    const top = up ? 0 : H - rows * size;
    return times(rows, (row) => times(Math.round(W / size), (column) => {
      const [px, py] = [column * size, top + row * size];
      const fill = pick([c.mid, c.bright, c.paper, c.shade]);
      const turn = { transform: `rotate(${90 * Math.floor(r(0, 4))} ${n(px + size / 2)} ${n(py + size / 2)})` };
      const shape = pick(["quarter", "half", "disc", "none", "quarter"]);
      return [
        box(px, py, size + 0.4, size + 0.4, pick([c.bg, c.bg, c.mid, c.shade])),
        shape === "quarter" && path(`M${n(px)} ${n(py)}h${n(size)}a${n(size)} ${n(size)} 0 0 1 ${n(-size)} ${n(size)}Z`, { fill, ...turn }),
        shape === "half" && path(`M${n(px)} ${n(py)}a${n(size / 2)} ${n(size / 2)} 0 0 0 ${n(size)} 0Z`, { fill, ...turn }),
        shape === "disc" && disc(px + size / 2, py + size / 2, size * 0.32, fill),
      ];
    }));
  },
  confetti: ({ r, pick, x, y, c }) => [
    disc(x, y, r(50, 70), c.bright), path(`M${n(x - 30)} ${n(y + 8)}a30 30 0 0 0 60 0Z`, { fill: c.shade }),
    ...times(34, (i) => {
      const [px, py] = [r(0, W), r(-10, 225)];
      const turn = { transform: `rotate(${n(r(0, 180))} ${n(px)} ${n(py)})` };
      const fill = pick([c.mid, c.bright, c.shade, c.paper]);
      return i % 3 ? box(px, py, r(5, 15), r(3, 6), fill, turn) : disc(px, py, r(2, 5), fill);
    }),
  ],
};

// Words

let pen = null;

/** The width of a text at size 1, measured once for each face. */
function measure(text, face) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${face.style ?? "normal"} ${face.weight} 100px ${face.family}`;
  return pen.measureText(text).width / 100 + face.space * text.length;
}

/**
 * The text in lines, as large as the box allows: words are broken only where one alone would not fit.
 * @returns {{size: number, lines: string[]}}
 */
function fit(text, face, { width, height, most, least }) {
  const words = text.split(/\s+/).filter(Boolean).map((word) => [word, measure(word, face)]);
  const space = measure(" ", face);
  for (let size = most; size > least; size -= 1) {
    const lines = wrap(words, space, width / size);
    if (words.every(([, wide]) => wide * size <= width) && lines.length * size * LEADING <= height) return { size, lines };
  }
  const room = Math.floor(height / least / LEADING);
  const pieces = words.flatMap(([word]) => broken(word, face, width / least));
  const lines = wrap(pieces, space, width / least);
  return { size: least, lines: lines.length > room ? [...lines.slice(0, room - 1), `${lines[room - 1]}…`] : lines };
}

const LEADING = 1.08;

function wrap(words, space, width) {
  const lines = [];
  let used = Infinity;
  for (const [word, wide] of words) {
    if (used + space + wide > width) {
      lines.push(word);
      used = wide;
    } else {
      lines[lines.length - 1] += ` ${word}`;
      used += space + wide;
    }
  }
  return lines;
}

function broken(word, face, width) {
  const pieces = [];
  let piece = "";
  for (const char of word) {
    if (measure(piece + char, face) > width) {
      pieces.push(piece);
      piece = "";
    }
    piece += char;
  }
  return [...pieces, piece].map((part) => [part, measure(part, face)]);
}

function words(title, face, ink, { up, center }) {
  const [main, ...rest] = (face.upper ? title.toUpperCase() : title).split(/: | - (?=\p{Lu})/u);
  const box = { width: W - 2 * EDGE, height: rest.length ? 66 : 92, most: 40, least: 11 };
  const blocks = [fit(main, face, box)];
  if (rest.length) blocks.push(fit(rest.join(": "), face, { ...box, height: 40, most: Math.min(20, blocks[0].size * 0.62), least: 9 }));
  const height = blocks.reduce((sum, { size, lines }) => sum + size * lines.length * LEADING, 0) + (blocks.length - 1) * 5;
  let y = up ? H - 34 - height : 36;
  const texts = blocks.flatMap(({ size, lines }) => {
    const made = lines.map((text) => {
      y += size * LEADING;
      return svg("text", { x: center ? W / 2 : EDGE, y: n(y - size * 0.2), "text-anchor": center ? "middle" : "start", "font-size": n(size), "font-family": face.family,
        "font-weight": face.weight, "font-style": face.style, "letter-spacing": n(face.space * size), fill: ink }, text);
    });
    y += 5;
    return made;
  });
  return { height, texts };
}

// The poster

let made = 0;

/** @param {{movie_id: number, title: string, year?: number, genres?: string[]}} movie @returns {SVGElement} */
export function drawn(movie) {
  const title = (movie.title ?? "").trim() || "Untitled";
  const genres = Object.keys(ART).filter((name) => movie.genres?.includes(name));
  const random = chance(seedOf(`${movie.movie_id}|${title}|${movie.year}`));
  const r = (from, to) => from + random() * (to - from);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const flip = (share) => random() < share;
  const told = genres.length ? pick(genres.slice(0, 2)) : null;
  const hues = pick(HUES[pick(genres.slice(0, 3))] ?? PLAIN).map((hue) => hue + r(-11, 11));
  const noir = told === "Film-Noir" ? 0.25 : 1;
  const tone = (hue, saturation, light) => `hsl(${n(hue)} ${n(saturation * noir)}% ${n(light)}%)`;
  const light = flip(LIGHT[told] ?? (genres.length ? 0.16 : 0.5));
  const [deep, mid, bright] = [tone(hues[0], r(34, 62), r(12, 19)), tone(hues[1], r(38, 66), light ? r(54, 66) : r(32, 44)), tone(hues[2], r(68, 88), r(55, 63))];
  const paper = tone(hues[2], r(28, 60), r(91, 95));
  const bg = light ? paper : deep;
  const c = { bg, mid, bright, paper: light ? "#fff" : paper, shade: light ? deep : tone(hues[0], r(34, 62), r(7, 10)) };
  const up = flip(0.72);
  const id = `poster${(made += 1)}`;
  const face = FACES[pick(FACE_OF[told] ?? Object.keys(FACES))];
  const kind = pick(ART[told] ?? ["tiles", "rings", "waves", "contours", "lens", "orbits", "shards", "bars"]);
  const art = DRAW[kind]({ r, pick, flip, c, id, up, x: r(70, 130), y: Math.round(up ? r(92, 116) : r(190, 206)) });
  const center = flip(0.4);
  const { height, texts } = words(title, face, light ? deep : paper, { up, center });
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "poster-drawn", "aria-hidden": "true", focusable: "false" },
    box(0, 0, W, H, bg), art, scrim(id, bg, up, height), texts, credits(movie, told, light ? deep : paper, { up, center }));
}

/** The ground under the title, so that it can be read on whatever is drawn. */
function scrim(id, bg, up, height) {
  const [from, reach] = [height + 44, 46];
  const stop = (offset, opacity) => svg("stop", { offset, "stop-color": bg, "stop-opacity": opacity });
  return [
    svg("linearGradient", { id, x1: 0, y1: up ? 0 : 1, x2: 0, y2: up ? 1 : 0 }, stop(0, 0), stop(n(reach / (from + reach) * 100) / 100, 0.93), stop(1, 1)),
    box(0, up ? H - from - reach : 0, W, from + reach, `url(#${id})`),
  ];
}

function credits(movie, told, ink, { up, center }) {
  const text = [told, movie.year].filter(Boolean).join("  ·  ").toUpperCase();
  return svg("text", { x: center ? W / 2 : EDGE, y: up ? H - 17 : 27, "text-anchor": center ? "middle" : "start", "font-size": 8.5, "letter-spacing": 1.6, fill: ink,
    opacity: 0.85, "font-weight": 600, "font-family": FACES.sans.family }, text);
}

/**
 * A movie's poster: drawn, and TMDB's over it as soon as it is there.
 * @param {Object} movie
 * @returns {HTMLElement}
 */
export function poster(movie) {
  const node = h("span", { class: "poster", dataset: { testid: "poster" } }, drawn(movie));
  if (movie.tmdb_url) health().then((state) => state.posters && node.append(image(movie)), () => {});
  return node;
}

function image(movie) {
  const node = h("img", { src: `/movies/${movie.movie_id}/poster`, alt: "", loading: "lazy", decoding: "async", class: "poster-image" });
  node.addEventListener("load", () => node.classList.add("shown"));
  node.addEventListener("error", () => node.remove());
  return node;
}
