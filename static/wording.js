// Tool calls in a line of words, and what one may ask next.

import { called, counted } from "./shared.js";

/** The value where it is a list: an action's result may have any form. */
export const listOf = (value) => (Array.isArray(value) ? value : []);

export function moviesOf(result) {
  const { movie, movies, favourites, ratings } = result ?? {};
  const found = [movie, ...listOf(movies), ...listOf(favourites), ...listOf(ratings).map((it) => it?.movie)];
  const known = (it) => Number.isInteger(it?.movie_id) && typeof it.title === "string" && Array.isArray(it.genres);
  return found.filter(known);
}

// Of a tool: the verb while it is called and when it was, what it does, words on its result, and what to ask next

const like = (movie) => movie && `More like ${called(movie)}`;
const found = ({ movies }) => `${counted(listOf(movies).length, "movie")} found`;
const rated = ({ count, ratings }) => counted(count ?? ratings, "rating");
const matched = ({ total }) => `${total.toLocaleString("en")} match`;
const noted = ({ movie, removed, stored, stars }) =>
  movie && ((removed && "taken back") || (stored ? `${stars} stars` : "not stored"));

function afterList(movies) {
  if (!movies.length) return ["Recommend something for me"];
  const older = Math.min(...movies.map(({ year }) => year ?? Infinity)) > 1960;
  const why = movies.length > 1 && "Why the first?";
  return ["More", why, like(movies[0]), older ? "Only older ones" : "Only newer ones"];
}

function afterMovie([movie]) {
  const name = movie && called(movie);
  return name && [like(movie), `Would I like ${name}?`, `How are the ratings of ${name} over time?`];
}

const afterReason = ([movie]) => [like(movie), "Recommend something else"];
const afterQuestion = (movies) => movies.slice(0, 3).map((movie) => `I loved ${called(movie)}`);
const afterTaste = () => ["Recommend something for me", "Something outside my taste"];
const afterRating = ([movie], { stored }) => stored && ["What should I watch next?", like(movie), "What is my taste?"];

const TOOLS = {
  search_movies: ["Searching", "Searched", "the catalogue", found, afterList],
  get_movie: ["Looking", "Looked", "up", null, afterMovie],
  compare_movies: ["Comparing", "Compared", "", null, ([one, two]) => [like(one), like(two)]],
  similar_movies: ["Looking", "Looked", "for movies like", found, afterList],
  recommend: ["Choosing", "Chose", "what might suit", found, afterList],
  recommend_for_group: ["Choosing", "Chose", "for everyone", found, afterList],
  rate_movie: ["Noting", "Noted", "a rating of", noted, afterRating],
  get_user_ratings: ["Reading", "Read", "ratings", rated, () => ["Recommend something for me", "What is my taste?"]],
  query_catalogue: ["Counting", "Counted", "in the catalogue", matched],
  explain_recommendation: ["Looking", "Looked", "for the reasons for", null, afterReason],
  taste_profile: ["Reading", "Read", "a taste", rated, afterTaste],
  next_question: ["Choosing", "Chose", "movies to ask about", null, afterQuestion],
};
const toolOf = (name) => (Object.hasOwn(TOOLS, name) ? TOOLS[name] : ["Using", "Used", name?.replaceAll("_", " ")]);

/** A call in a line: while it is made, and when its outcome, a tool message, is there. `names`: of movies by id. */
export function callLine({ name, arguments: args, error }, outcome, names) {
  if (error) return "Made a call that did not fit, and mended it";
  const [doing, done, what, end] = toolOf(name);
  const terms = conditions(args ?? {});
  const about = [what, titles(args ?? {}, names)].filter(Boolean).join(" ") + (terms && `: ${terms}`);
  if (!outcome) return `${doing} ${about}…`;
  if (!outcome.ok) return `${doing} ${about}: that did not work`;
  return [`${done} ${about}`, end?.(outcome.result)].filter(Boolean).join(" · ");
}

/** The movies that arguments name, by id or title; ids by what results call them. */
function titles({ movie, movies }, names) {
  const words = [movie, movies].flat().map((ref) => names.get(ref) ?? ref).filter((ref) => typeof ref === "string");
  return words.length > 2 ? `${words.slice(0, 2).join(", ")} and others` : words.join(" and ");
}

function conditions({ query, genres, tags, year_from: from, year_to: to, exclude_genres: without, user_id: user }) {
  const words = query && `“${query.slice(0, 60)}”`;
  const no = without?.length && `no ${without.join(", ")}`;
  const person = user != null && `MovieLens user ${user}`;
  const all = [words, genres, tags, from && `since ${from}`, to && `up to ${to}`, no, person];
  return all.flat().filter(Boolean).join(", ");
}

export function followUps(messages) {
  const { name, result } = messages.findLast(({ role, ok }) => role === "tool" && ok) ?? {};
  const offered = toolOf(name)[4]?.(moviesOf(result), result) || [];
  return offered.filter(Boolean).slice(0, 4);
}
