// Posters: drawn from title, year, genres and id, always the same way; TMDB's in their place where the operator has a key.

import { h, svg } from "./dom.js";
import { imageUrl } from "./api.js";
import { health } from "./shared.js";

const [W, H, EDGE, LEADING] = [200, 300, 16, 1.08];
const SANS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
const FACES = {
  sans: { family: SANS, weight: 800, space: -0.02 },
  caps: { family: `'Avenir Next', Futura, 'Century Gothic', ${SANS}`, weight: 700, space: 0.06, upper: true },
  narrow: { family: `Impact, 'Arial Narrow', 'Roboto Condensed', 'DejaVu Sans Condensed', ${SANS}`, weight: 700, space: 0.01, upper: true },
  serif: { family: "Didot, 'Bodoni 72', Georgia, 'Noto Serif', serif", weight: 700, space: -0.01 },
  italic: { family: "'Iowan Old Style', Palatino, Georgia, serif", weight: 600, space: 0, style: "italic" },
  slab: { family: "Rockwell, 'Roboto Slab', 'DejaVu Serif', serif", weight: 700, space: 0.02, upper: true },
};

// Of a genre: what is drawn; hues of the dark, the middle and the bright colour, by threes; faces; how often the ground is
// light. The most telling genre first.
const STYLES = {
  Western: ["ridges horizon", [18, 24, 40, 350, 14, 36], "slab"],
  "Film-Noir": ["blinds city", [220, 220, 46, 30, 25, 42], "caps serif"],
  Musical: ["arcs bubbles waves", [290, 325, 48, 225, 265, 330], "italic caps", 0.35],
  War: ["shards ridges", [85, 75, 42, 25, 18, 30], "slab narrow"],
  "Sci-Fi": ["planet horizon orbits", [232, 205, 178, 258, 312, 190, 200, 180, 24], "caps sans"],
  Horror: ["forest eye", [350, 2, 8, 255, 285, 130], "narrow serif"],
  Animation: ["bubbles arcs tiles", [265, 200, 48, 325, 15, 48], "sans caps", 0.55],
  Fantasy: ["forest orbits planet", [262, 285, 45, 165, 180, 55, 345, 300, 42], "serif italic"],
  Children: ["arcs bubbles tiles", [205, 45, 350, 150, 190, 45], "sans slab", 0.7],
  Documentary: ["rings tiles waves", [205, 190, 28, 25, 20, 40], "sans caps", 0.5],
  Mystery: ["eye spiral blinds", [235, 215, 46, 170, 190, 85], "serif caps"],
  Romance: ["lens hearts waves", [342, 350, 18, 262, 320, 350], "italic serif", 0.5],
  Crime: ["city blinds shards", [215, 205, 5, 35, 30, 48], "caps narrow serif"],
  Thriller: ["spiral rings shards", [200, 195, 12, 358, 8, 48, 170, 175, 60], "sans narrow caps"],
  Adventure: ["ridges horizon waves", [190, 165, 38, 28, 18, 44], "caps serif sans"],
  Action: ["shards city spiral", [220, 14, 28, 280, 330, 40], "narrow sans"],
  Comedy: ["tiles arcs bubbles", [350, 28, 48, 195, 172, 48, 265, 325, 42], "sans narrow slab", 0.65],
  Drama: ["waves lens tiles rings", [230, 255, 25, 20, 12, 34, 175, 165, 12], "serif caps italic sans", 0.35],
};
const PLAIN = ["tiles rings waves lens orbits", [215, 190, 20, 345, 20, 175], "serif sans caps", 0.5];

// Chance that is always the same

/** Numbers from 0 to 1, the same ones for the same text (FNV-1a, mulberry32). */
function chance(text) {
  let seed = 0x811c9dc5;
  for (const char of text) seed = Math.imul(seed ^ char.codePointAt(0), 0x01000193);
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Shapes

const n = (value) => Math.round(value * 10) / 10;
const path = (d, fill, props) => svg("path", { d, fill, ...props });
const disc = (x, y, r, fill, props) => svg("circle", { cx: n(x), cy: n(y), r: n(r), fill, ...props });
const box = (x, y, width, height, fill, props) => svg("rect", { x: n(x), y: n(y), width: n(width), height: n(height), fill, ...props });
const line = (d, stroke, width, props) => path(d, "none", { stroke, "stroke-width": n(width), ...props });
const along = (points) => `M${points.map((point) => point.map(n).join(" ")).join("L")}`;
const poly = (points, fill, props) => path(`${along(points)}Z`, fill, props);
const polar = (x, y, r, turn) => [x + r * Math.cos(turn), y + r * Math.sin(turn)];
const times = (count, make) => Array.from({ length: Math.round(count) }, (_, i) => make(i));
const range = (base, steps, rise, fill, props) => poly([[0, H], ...times(steps + 1, (i) => [(i * W) / steps, base - rise(i)]), [W, H]], fill, props);

/** Drawings take r(from, to), pick and flip (chance), x and y (their middle), up (the title stands below), c (colours), id. */
const DRAW = {
  ridges: ({ r, x, y, c }) => [disc(x, y - 10, r(28, 52), c.bright),
    times(4, (i) => range(y + 20 + i * 26, 6 + i, () => r(0, 62 - i * 9), i % 2 ? c.mid : c.shade, { opacity: 0.55 + i * 0.15 }))],
  city: ({ r, flip, y, c }) => [disc(r(45, 155), y - 45, r(18, 34), c.bright), [c.mid, c.shade].map((fill, near) => times(9, (i) => {
    const [left, top] = [i * 24 - 8, y + near * 30 - r(0, 78)];
    return [box(left, top, 24.5, H, fill), near && times(24, (k) => flip(0.3) && box(left + 4 + (k % 3) * 7, top + 7 + Math.floor(k / 3) * 9, 3, 4.5, c.bright))];
  }))],
  blinds: ({ r, x, y, c }) => {
    const lean = r(-22, 22);
    return [disc(x, y, r(52, 72), c.bright), disc(x + r(-20, 20), y + r(14, 34), r(26, 38), c.shade), box(x - 44, y + 46, 88, 120, c.shade, { rx: 40 }),
      times(15, (i) => poly([[0, i * 19 - lean], [W, i * 19 + lean], [W, i * 19 + 9 + lean], [0, i * 19 + 9 - lean]], c.bg, { opacity: 0.82 }))];
  },
  planet: ({ r, flip, x, y, c, id }) => {
    const [size, turn] = [r(46, 72), { transform: `rotate(${n(r(-32, 32))} ${n(x)} ${n(y)})` }];
    return [times(46, () => disc(r(0, W), r(0, H), r(0.4, 1.5), c.paper)), svg("clipPath", { id: `${id}c` }, disc(x, y, size)), disc(x, y, size, c.mid),
      svg("g", { "clip-path": `url(#${id}c)` }, times(5, (i) => box(x - 90, y - size + i * size * 0.45, 180, r(3, 14), c.bright, { opacity: 0.5, ...turn })),
        disc(x + size * 0.5, y + size * 0.35, size * 1.15, c.shade, { opacity: 0.45 })),
      flip(0.6) && svg("ellipse", { cx: n(x), cy: n(y), rx: n(size * 1.5), ry: n(size * 0.32), fill: "none", stroke: c.bright, "stroke-width": 3, ...turn }),
      disc(r(20, 180), y - r(60, 90), r(5, 11), c.bright)];
  },
  horizon: ({ r, x, y, c }) => [disc(x, y, r(46, 62), c.bright), times(6, (i) => box(0, y - 4 + i * 9, W, 1.5 + i * 1.1, c.bg)), box(0, y + 40, W, H, c.shade),
    times(17, (i) => line(along([[x + (i - 8) * 7, y + 40], [(i - 8) * 60 + 100, H]]), c.mid, 1)), times(8, (i) => box(0, y + 40 + i * i * 3.4, W, 1, c.mid))],
  orbits: ({ r, x, y, c }) => [times(7, (i) => {
    const size = 20 + i * r(13, 18);
    return [disc(x, y, size, "none", { stroke: i % 2 ? c.mid : c.bright, "stroke-width": n(r(0.6, 1.8)) }), disc(...polar(x, y, size, r(0, 6.28)), r(2.5, 8), i % 3 ? c.bright : c.paper)];
  }), disc(x, y, r(9, 17), c.bright)],
  eye: ({ r, x, y, c }) => {
    const lid = (wide, high, fill) => path(`M${n(x - wide)} ${y}Q${n(x)} ${n(y - high)} ${n(x + wide)} ${y}Q${n(x)} ${n(y + high)} ${n(x - wide)} ${y}Z`, fill);
    const iris = r(24, 32);
    return [times(5, (i) => lid(118 - i * 8, 124 - i * 19, i % 2 ? c.bg : c.mid)), lid(80, 62, c.paper), disc(x, y, iris, c.bright),
      times(30, (i) => line(along([polar(x, y, 12, i / 4.77), polar(x, y, iris * r(0.75, 0.98), i / 4.77)]), c.shade, 1)),
      disc(x, y, iris * r(0.36, 0.52), c.shade), disc(x + 8, y - 9, 4, c.paper)];
  },
  forest: ({ r, flip, y, c }) => [disc(r(55, 145), y - 20, r(34, 56), c.bright), times(3, (near) => svg("g", { opacity: 0.35 + near * 0.32 }, times(7 + near * 2, (i) => {
    const [at, thick] = [((i + r(0, 0.8)) * W) / (7 + near * 2), r(1.5, 3) + near * 1.8];
    return [poly([[at - thick * 0.4, 0], [at + thick * 0.4, 0], [at + thick, H], [at - thick, H]], c.shade),
      times(5, () => line(`M${n(at)} ${n(r(20, 210))}q${flip(0.5) ? 8 : -8} -4 ${n(r(-26, 26))} ${n(-r(8, 22))}`, c.shade, thick * 0.35))];
  })))],
  bubbles: ({ r, pick, x, y, c }) => times(11, (i) => disc(x + r(-96, 96), y + r(-92, 92), r(14, 62) * (1 - i * 0.045), pick([c.mid, c.bright, c.bright, c.paper, c.shade]), { opacity: n(r(0.5, 0.95)) })),
  arcs: ({ r, pick, c, up, y }) => {
    const [at, wide] = [pick([0, W, W / 2]), r(13, 21)];
    return times(8, (i) => disc(at, y + (up ? 62 : 30), (8 - i) * wide + 6, [c.mid, c.bright, c.paper, c.shade][(i + 1) % 4]));
  },
  shards: ({ r, pick, x, y, c }) => times(15, (i) => {
    const [turn, far] = [r(0, 6.28), r(60, 190)];
    return poly([[x, y], polar(x, y, far, turn), polar(x, y, far * r(0.5, 1), turn + r(0.12, 0.42))], pick([c.mid, c.bright, c.shade, c.bright]), { opacity: 0.9 - i * 0.02 });
  }),
  waves: ({ r, x, y, c }) => {
    const [high, long] = [r(7, 17), r(0.9, 2.2)];
    return [disc(x, y - 26, r(30, 56), c.bright), times(7, (i) => range(y - 4 + i * 22, 40, (k) => Math.sin(k * 0.155 * long + i * 1.1 + x) * high, i % 2 ? c.shade : c.mid, { opacity: 0.82 }))];
  },
  lens: ({ r, x, y, c, id }) => {
    const size = r(50, 66);
    const [dx, dy] = polar(0, 0, size * r(0.42, 0.72), r(-0.7, 0.7));
    return [svg("clipPath", { id: `${id}c` }, disc(x - dx, y - dy, size)), disc(x - dx, y - dy, size, c.mid), disc(x + dx, y + dy, size, c.bright),
      disc(x + dx, y + dy, size, c.paper, { "clip-path": `url(#${id}c)` })];
  },
  hearts: ({ r, x, y, c }) => {
    const step = r(11, 19);
    return times(6, (i) => {
      const at = (dx, dy) => `${n(x + dx * (86 - i * step))} ${n(y + dy * (86 - i * step))}`;
      return path(`M${at(0, 1)}C${at(-1.6, -0.1)} ${at(-0.9, -1.1)} ${at(0, -0.4)}C${at(0.9, -1.1)} ${at(1.6, -0.1)} ${at(0, 1)}Z`, [c.mid, c.bright, c.paper][i % 3]);
    });
  },
  spiral: ({ r, x, y, c }) => {
    const [steps, spin] = [r(80, 126), r(0, 6.28)];
    return [[0, 3.14].map((offset) => line(along(times(steps, (i) => polar(x, y, (i / steps) ** 1.25 * 170, i * 0.349 + spin + offset))), offset ? c.bright : c.mid, r(7, 13))),
      disc(x, y, r(6, 12), c.paper)];
  },
  rings: ({ r, x, y, c }) => {
    const cut = r(-40, 40);
    return [times(8, (i) => disc(x, y, 112 - i * 14, [c.bright, c.bg, c.mid, c.bg][i % 4])),
      [40, -48].map((at) => poly([[0, y + at + cut], [W, y + at - cut], [W, y + at + 12 - cut], [0, y + at + 12 + cut]], c.bg))];
  },
  tiles: ({ r, pick, c, up }) => {
    const size = pick([40, 50, W / 3]);
    const rows = Math.ceil(W / size);
    return times(rows, (row) => times(W / size, (column) => {
      const [x, y] = [column * size, row * size + (up ? 0 : H - rows * size)];
      const turn = { transform: `rotate(${90 * Math.floor(r(0, 4))} ${n(x + size / 2)} ${n(y + size / 2)})` };
      const fill = pick([c.mid, c.bright, c.paper, c.shade]);
      const shapes = [path(`M${n(x)} ${n(y)}h${n(size)}a${n(size)} ${n(size)} 0 0 1 ${n(-size)} ${n(size)}Z`, fill, turn),
        path(`M${n(x)} ${n(y)}a${n(size / 2)} ${n(size / 2)} 0 0 0 ${n(size)} 0Z`, fill, turn), disc(x + size / 2, y + size / 2, size * 0.32, fill), null];
      return [box(x, y, size + 0.4, size + 0.4, pick([c.bg, c.bg, c.mid, c.shade])), pick(shapes)];
    }));
  },
};

// Words

let pen = null;

/** The width of a text at size 1. */
function wide(text, face) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${face.style ?? "normal"} ${face.weight} 100px ${face.family}`;
  return pen.measureText(text).width / 100 + face.space * text.length;
}

/** The text in lines, as large as the room for it allows. @returns {{size: number, lines: string[]}} */
function fit(text, face, height, most) {
  const words = (text.match(/\S{1,18}/gu) ?? []).map((word) => [word, wide(word, face)]);
  const [space, width] = [wide(" ", face), W - 2 * EDGE];
  for (let size = most; ; size -= 1) {
    const lines = wrap(words, space, width / size);
    const fits = words.every(([, long]) => long * size <= width) && lines.length * size * LEADING <= height;
    if (fits || size <= 8) return { size, lines: lines.slice(0, Math.ceil(height / size)) };
  }
}

function wrap(words, space, width) {
  const lines = [];
  let used = Infinity;
  for (const [word, long] of words) {
    const fits = used + space + long <= width;
    if (fits) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
    used = fits ? used + space + long : long;
  }
  return lines;
}

/** The title, what follows a colon smaller. */
function titled(title, face, { up, center, ink }) {
  const [main, ...rest] = (face.upper ? title.toUpperCase() : title).split(/: | - (?=\p{Lu})/u);
  const blocks = [fit(main, face, rest.length ? 66 : 92, 40)];
  if (rest.length) blocks.push(fit(rest.join(": "), face, 40, Math.min(20, blocks[0].size * 0.62)));
  const height = blocks.reduce((sum, { size, lines }) => sum + size * lines.length * LEADING, blocks.length * 5 - 5);
  let y = up ? H - 34 - height : 36;
  const texts = blocks.map(({ size, lines }) => [lines.map((words) => {
    y += size * LEADING;
    return text(words, y - size * 0.2, size, face, { center, ink });
  }), (y += 5) && null]);
  return { height, texts };
}

const text = (words, y, size, face, { center, ink }) => svg("text", { x: center ? W / 2 : EDGE, y: n(y), "text-anchor": center ? "middle" : "start", "font-size": n(size),
  "font-family": face.family, "font-weight": face.weight, "font-style": face.style, "letter-spacing": n(face.space * size), fill: ink }, words);

// The poster

/** @param {{movie_id: number, title: string, year?: number, genres?: string[]}} movie @returns {SVGElement} */
function drawn(movie) {
  const title = (movie.title ?? "").trim() || "Untitled";
  const genres = Object.keys(STYLES).filter((name) => movie.genres?.includes(name));
  const random = chance(`${movie.movie_id}|${title}|${movie.year}`);
  const r = (from, to) => from + random() * (to - from);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const flip = (share) => random() < share;
  const told = genres.length ? pick(genres.slice(0, 2)) : null;
  const [kinds, , faces, lightness = 0.16] = STYLES[told] ?? PLAIN;
  const hues = (STYLES[pick(genres.slice(0, 3))] ?? PLAIN)[1];
  const set = 3 * Math.floor(r(0, hues.length / 3));
  const tone = (i, saturation, light) => `hsl(${n(hues[set + i] + r(-6, 6))} ${n(saturation * (told === "Film-Noir" ? 0.25 : 1))}% ${n(light)}%)`;
  const light = flip(lightness);
  const [deep, paper] = [tone(0, r(34, 62), r(12, 19)), tone(2, r(28, 60), r(91, 95))];
  const c = { bg: light ? paper : deep, mid: tone(1, r(38, 66), light ? r(54, 66) : r(32, 44)), bright: tone(2, r(68, 88), r(55, 63)), paper: light ? "#fff" : paper,
    shade: light ? deep : tone(0, r(34, 62), r(7, 10)) };
  const [up, id] = [flip(0.72), `poster${movie.movie_id}`];
  const place = { up, center: flip(0.4), ink: light ? deep : paper };
  const face = FACES[pick(faces.split(" "))];
  const art = DRAW[pick(kinds.split(" "))]({ r, pick, flip, c, id, up, x: r(70, 130), y: Math.round(up ? r(92, 116) : r(190, 206)) });
  const { height, texts } = titled(title, face, place);
  const credits = text([told, movie.year].filter(Boolean).join("  ·  ").toUpperCase(), up ? H - 17 : 27, 8.5, { family: SANS, weight: 600, space: 0.19 }, place);
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "xMidYMid slice", class: "poster-drawn", "aria-hidden": "true", focusable: "false" },
    box(0, 0, W, H, c.bg), art, ground(id, c.bg, up, height + 90), texts, credits);
}

/** The ground under the title, so that it can be read on whatever is drawn. */
function ground(id, color, up, height) {
  const stop = (offset, opacity) => svg("stop", { offset, "stop-color": color, "stop-opacity": opacity });
  return [svg("linearGradient", { id, x1: 0, y1: up ? 0 : 1, x2: 0, y2: up ? 1 : 0 }, stop(0, 0), stop(n(46 / height) || 0.1, 0.93), stop(1, 1)),
    box(0, up ? H - height : 0, W, height, `url(#${id})`)];
}

/** A movie's poster: drawn, and TMDB's over it as soon as it is there. @param {Object} movie @returns {HTMLElement} */
export function poster(movie) {
  const node = h("span", { class: "poster", dataset: { testid: "poster" } }, drawn(movie));
  const image = h("img", { alt: "", loading: "lazy", decoding: "async", class: "poster-image", onload: () => image.classList.add("shown"), onerror: () => image.remove() });
  const add = async () => {
    image.src = await imageUrl(`/movies/${movie.movie_id}/poster`);
    node.append(image);
  };
  if (movie.tmdb_url) health().then((state) => state.posters && add()).catch(() => {});
  return node;
}
