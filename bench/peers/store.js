/** The data of every peer: movies by id from SQLite, and likes, which another service owns. */
import Database from 'better-sqlite3';

/** Returns a function that reads a movie by id, or undefined for an unknown id, with a prepared statement. */
export function openMovies(file = process.env.PEER_DB) {
  const db = new Database(file, { readonly: true });
  const byId = db.prepare(
    `SELECT movie_id AS movieId, title, genres, description, director, actors, year, runtime AS runtimeMinutes, rating, votes,
       revenue AS revenueMillions, metascore, revision FROM movies WHERE movie_id = ?`,
  );
  return (movieId) => {
    const row = byId.get(movieId);
    return row && { ...row, genres: JSON.parse(row.genres), actors: JSON.parse(row.actors) };
  };
}

export function openLikes(file = process.env.PEER_DB) {
  const db = new Database(file, { readonly: true });
  const byId = db.prepare('SELECT likes FROM movies WHERE movie_id = ?');
  return (movieId) => byId.get(movieId)?.likes;
}
