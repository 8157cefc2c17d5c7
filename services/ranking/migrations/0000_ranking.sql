CREATE TABLE `ranked` (
	`movie_id` integer NOT NULL,
	`genre_key` text NOT NULL,
	`title` text NOT NULL,
	`title_key` text NOT NULL,
	`rating` real,
	`likes` integer NOT NULL,
	`sort_rating` real NOT NULL,
	`trending` real NOT NULL,
	`weighted` real NOT NULL,
	PRIMARY KEY(`movie_id`, `genre_key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `stale_ranks` (
	`id` integer PRIMARY KEY NOT NULL,
	`movie_id` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `vote_keys` (
	`key` text NOT NULL,
	`site` text NOT NULL,
	`movie_id` integer NOT NULL,
	`voter_id` text NOT NULL,
	PRIMARY KEY(`key`, `site`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `votes` (
	`movie_id` integer NOT NULL,
	`voter_id` text NOT NULL,
	`site` text NOT NULL,
	`liked` integer NOT NULL,
	`time` integer NOT NULL,
	`liked_since` integer NOT NULL,
	`likes` integer,
	`weight` blob,
	`trending` real,
	PRIMARY KEY(`movie_id`, `voter_id`, `site`)
) WITHOUT ROWID;
