// Tool calls in a line of words, and what one may ask next.

import { called } from "./cards.js";

/** `1 rating`, `1,234 ratings`. @param {number} value @param {string} one */
export const counted = (value, one) => `${value.toLocaleString("en")} ${one}${value === 1 ? "" : "s"}`;

/** The value where it is a list: an action's result may have any form. */
export const listOf = (value) => (Array.isArray(value) ? value : []);

/** Movies of a tool's result, in order, whatever its form. @param {Object|null} result @returns {Array<Object>} */
export function moviesOf(result) {
  const { movie, movies, favourites, ratings } = result ?? {};
  const found = [movie, ...listOf(movies), ...listOf(favourites), ...listOf(ratings).map((it) => it?.movie)];
  return found.filter((it) => Number.isInteger(it?.movie_id) && typeof it.title === "string" && Array.isArray(it.genres));
}

// Tool calls: while they are made, when they are done, and how they ended

const found = ({ movies }) => `${counted(listOf(movies).length, "movie")} found`;
const ratings = ({ count, ratings: number }) => counted(count ?? number, "rating");
const noted = ({ movie, removed, stored, stars }) => movie && (removed ? "taken back" : stored ? `${stars} stars` : "not stored");

const CALLS = {
  search_movies: ["Searching the catalogue", "Searched the catalogue", found],
  get_movie: ["Looking up", "Looked up"],
  compare_movies: ["Comparing", "Compared"],
  similar_movies: ["Looking for movies like", "Looked for movies like", found],
  recommend: ["Choosing what might suit", "Chose what might suit", found],
  recommend_for_group: ["Choosing for everyone", "Chose for everyone", found],
  rate_movie: ["Noting a rating of", "Noted a rating of", noted],
  get_user_ratings: ["Reading ratings", "Read ratings", ratings],
  query_catalogue: ["Counting in the catalogue", "Counted in the catalogue", ({ total }) => `${total.toLocaleString("en")} match`],
  explain_recommendation: ["Looking for the reasons for", "Looked for the reasons for"],
  taste_profile: ["Reading a taste", "Read a taste", ratings],
  next_question: ["Choosing movies to ask about", "Chose movies to ask about"],
};

/**
 * A call in a line: while it is made, and when its outcome, a tool message, is there.
 * @param {Object} call @param {Object|null} outcome @param {Map<number, string>} names of movies by id
 */
export function callLine({ name, arguments: args, error }, outcome, names) {
  if (error) return "Made a call that did not fit, and mended it";
  const [doing, done, end] = CALLS[name] ?? ["Using", "Used"].map((verb) => `${verb} ${name.replaceAll("_", " ")}`);
  const about = [titles(args ?? {}, names), conditions(args ?? {})].map((words, place) => words && [" ", ": "][place] + words).join("");
  if (!outcome) return `${doing}${about}…`;
  if (!outcome.ok) return `${doing}${about}: that did not work`;
  return [done + about, end?.(outcome.result)].filter(Boolean).join(" · ");
}

/** The movies that arguments name, by id or title; ids by what results call them. */
function titles({ movie, movies }, names) {
  const words = [movie, movies].flat().map((ref) => names.get(ref) ?? ref).filter((ref) => typeof ref === "string");
  return words.length > 2 ? `${words.slice(0, 2).join(", ")} and others` : words.join(" and ");
}

function conditions({ query, genres, tags, year_from: from, year_to: to, exclude_genres: without, user_id: user }) {
  const text = query && `“${query.slice(0, 60)}”`;
  const no = without?.length && `no ${without.join(", ")}`;
  return [text, genres, tags, from && `since ${from}`, to && `up to ${to}`, no, user != null && `MovieLens user ${user}`].flat().filter(Boolean).join(", ");
}

// What one may say next

const MOST = 4;
const like = (movie) => movie && `More like ${called(movie)}`;

function afterList(movies) {
  if (!movies.length) return ["Recommend something for me"];
  const older = Math.min(...movies.map(({ year }) => year ?? Infinity)) > 1960;
  return ["More", movies.length > 1 && "Why the first?", like(movies[0]), older ? "Only older ones" : "Only newer ones"];
}

const FOLLOW_UPS = {
  search_movies: afterList,
  similar_movies: afterList,
  recommend: afterList,
  recommend_for_group: afterList,
  get_movie: ([movie]) => movie && [like(movie), `Would I like ${called(movie)}?`, `How are the ratings of ${called(movie)} over time?`],
  compare_movies: ([one, two]) => [like(one), like(two)],
  rate_movie: ([movie], { stored }) => stored && ["What should I watch next?", like(movie), "What is my taste?"],
  explain_recommendation: ([movie]) => [like(movie), "Recommend something else"],
  get_user_ratings: () => ["Recommend something for me", "What is my taste?"],
  taste_profile: () => ["Recommend something for me", "Something outside my taste"],
  next_question: (movies) => movies.slice(0, 3).map((movie) => `I loved ${called(movie)}`),
};

/** @param {Array<Object>} messages of an answer @returns {Array<string>} */
export function followUps(messages) {
  const { name, result } = messages.findLast((message) => message.role === "tool" && message.ok) ?? {};
  const offered = Object.hasOwn(FOLLOW_UPS, name) && FOLLOW_UPS[name](moviesOf(result), result);
  return (offered || []).filter(Boolean).slice(0, MOST);
}
