// Tool calls in a line of words, and what one may ask next.

import { called } from "./cards.js";

/** @param {number} count @param {string} noun */
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** The value where it is a list: an action's result may have any form. */
export const listOf = (value) => (Array.isArray(value) ? value : []);

/** Movies of a tool's result, in order, whatever its form. @param {Object|null} result @returns {Array<Object>} */
export function moviesOf(result) {
  const { movie, movies, favourites, ratings } = result ?? {};
  const found = [movie, ...listOf(movies), ...listOf(favourites), ...listOf(ratings).map((it) => it?.movie)];
  return found.filter((it) => Number.isInteger(it?.movie_id) && typeof it.title === "string" && Array.isArray(it.genres));
}

/** Titles of the movies that arguments name by id or title; ids by what results call them. */
function titles(refs, names) {
  const words = [refs ?? []].flat().map((ref) => (typeof ref === "number" ? names.get(ref) : String(ref))).filter(Boolean);
  return words.length > 2 ? `${words.slice(0, 2).join(", ")} and others` : words.join(" and ");
}

const found = (result) => result && `${counted(result.movies?.length ?? 0, "movie")} found`;
const quoted = (text) => (text ? `“${text.length > 60 ? `${text.slice(0, 58)}…` : text}”` : "");

function conditions(args) {
  const { year_from: from, year_to: to } = args;
  const years = [from && !to && "since", !from && to && "up to", [from, to].filter(Boolean).join("–")].filter(Boolean).join(" ");
  const without = args.exclude_genres?.length ? `no ${args.exclude_genres.join(", ")}` : "";
  return [...(args.genres ?? []), ...(args.tags ?? []), years, without].filter(Boolean).join(", ");
}

const withConditions = (words, args) => [words, conditions(args)].filter(Boolean).join(": ");

const LINES = {
  search_movies: {
    doing: (args) => withConditions(args.query ? `Searching ${quoted(args.query)}` : "Browsing the catalogue", args),
    done: (args) => withConditions(args.query ? `Searched ${quoted(args.query)}` : "Browsed the catalogue", args),
    outcome: found,
  },
  get_movie: {
    doing: (args, names) => `Looking up ${titles(args.movie, names) || "a movie"}`,
    done: (args, names, result) => `Looked up ${result?.movie ? called(result.movie) : titles(args.movie, names) || "a movie"}`,
  },
  compare_movies: {
    doing: (args, names) => `Comparing ${titles(args.movies, names) || "movies"}`,
    done: (args, names, result) => `Compared ${result?.movies ? result.movies.map((it) => it.title).join(" and ") : titles(args.movies, names)}`,
  },
  similar_movies: {
    doing: (args, names) => withConditions(`Looking for movies like ${titles(args.movies, names) || "it"}`, args),
    done: (args, names) => withConditions(`Looked for movies like ${titles(args.movies, names) || "it"}`, args),
    outcome: found,
  },
  recommend: {
    doing: (args) => withConditions("Choosing what might suit", args),
    done: (args) => withConditions(args.user_id != null ? `Chose for MovieLens user ${args.user_id}` : "Chose what might suit", args),
    outcome: found,
  },
  recommend_for_group: { doing: () => "Choosing for everyone", done: (args) => `Chose for ${counted(args.members?.length ?? 0, "person").replace("persons", "people")}`, outcome: found },
  rate_movie: {
    doing: (args, names) => `Noting a rating${titles(args.movie, names) ? ` of ${titles(args.movie, names)}` : ""}`,
    done: (args, names, result) => rated(result),
  },
  get_user_ratings: {
    doing: () => "Reading ratings",
    done: (args, names, result) => `Read ${result?.whose === "you" || !result ? "your ratings" : `the ratings of ${result.whose}`}`,
    outcome: (result) => result && counted(result.count, "rating"),
  },
  query_catalogue: {
    doing: () => "Counting in the catalogue",
    done: (args) => withConditions("Counted in the catalogue", args),
    outcome: (result) => result && `${counted(result.total, result.of.slice(0, -1))} match`,
  },
  explain_recommendation: {
    doing: (args, names) => `Looking for the reasons for ${titles(args.movie, names) || "it"}`,
    done: (args, names, result) => `Looked for the reasons for ${result?.movie?.title ?? (titles(args.movie, names) || "it")}`,
  },
  taste_profile: { doing: () => "Reading your taste", done: (args, names, result) => `Read the taste of ${result?.whose ?? "you"}`, outcome: (result) => result && counted(result.ratings, "rating") },
  next_question: { doing: () => "Choosing movies to ask about", done: () => "Chose movies to ask about" },
};

function rated(result) {
  if (!result?.movie) return "Asked which movie is meant";
  if (result.removed) return `Took back the rating of ${called(result.movie)}`;
  return result.stored ? `Rated ${called(result.movie)} ${result.stars} stars` : `Did not store a rating of ${called(result.movie)}`;
}

/**
 * A call in a line: while it is made, and when its result is there.
 * @param {{name: string, arguments: Object|null, error?: string|null}} call
 * @param {{ok: boolean, result: Object, content: string}|null} outcome
 * @param {Map<number, string>} names of movies by id
 */
export function callLine(call, outcome, names) {
  const line = LINES[call.name];
  const args = call.arguments ?? {};
  if (call.error) return "Made a call that did not fit, and mended it";
  if (!line) return `${outcome ? "Used" : "Using"} ${call.name.replaceAll("_", " ")}`;
  if (!outcome) return `${line.doing(args, names)}…`;
  if (!outcome.ok) return `${line.doing(args, names)}: that did not work`;
  const end = line.outcome?.(outcome.result);
  return line.done(args, names, outcome.result) + (end ? ` · ${end}` : "");
}

const MOST_FOLLOW_UPS = 4;

/**
 * What one may say next to an answer.
 * @param {Array<Object>} messages of the answer
 * @returns {Array<string>}
 */
export function followUps(messages) {
  const tool = messages.findLast((message) => message.role === "tool" && message.ok);
  const movies = moviesOf(tool?.result);
  const make = tool && FOLLOW_UPS[tool.name];
  return make ? make(movies, tool.result).filter(Boolean).slice(0, MOST_FOLLOW_UPS) : [];
}

function afterList(movies) {
  if (!movies.length) return ["Recommend something for me"];
  const years = movies.map((movie) => movie.year).filter(Boolean);
  const older = years.length && Math.min(...years) > 1960;
  return ["More", movies.length > 1 && "Why the first?", `More like ${called(movies[0])}`, older ? "Only older ones" : "Only newer ones"];
}

const FOLLOW_UPS = {
  search_movies: afterList,
  similar_movies: afterList,
  recommend: afterList,
  recommend_for_group: afterList,
  get_movie: ([movie]) => (movie ? [`More like ${called(movie)}`, `Would I like ${called(movie)}?`, `How are the ratings of ${called(movie)} over time?`] : []),
  compare_movies: ([one, two]) => (two ? [`More like ${called(one)}`, `More like ${called(two)}`] : []),
  rate_movie: ([movie], result) => (result.stored ? ["What should I watch next?", `More like ${called(movie)}`, "What is my taste?"] : []),
  explain_recommendation: ([movie]) => (movie ? [`More like ${called(movie)}`, "Recommend something else"] : []),
  get_user_ratings: () => ["Recommend something for me", "What is my taste?"],
  taste_profile: () => ["Recommend something for me", "Something outside my taste"],
  next_question: (movies) => movies.slice(0, 3).map((movie) => `I loved ${called(movie)}`),
};
