CREATE TABLE `film_keys` (
	`title_key` text NOT NULL,
	`year` integer NOT NULL,
	`movie_id` integer NOT NULL,
	`directors` text NOT NULL,
	PRIMARY KEY(`movie_id`, `title_key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `genres` (
	`genre_key` text PRIMARY KEY NOT NULL,
	`movies` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `movie_genres` (
	`genre_key` text NOT NULL,
	`year` integer NOT NULL,
	`movie_id` integer NOT NULL,
	`rating` real NOT NULL,
	`votes` integer NOT NULL,
	PRIMARY KEY(`genre_key`, `year`, `movie_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `movies` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`revision` integer NOT NULL,
	`title_key` text NOT NULL,
	`year` integer NOT NULL,
	`rating` real NOT NULL,
	`votes` integer NOT NULL,
	`document` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `removed_movies` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`revision` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `word_variants` (
	`variant` text NOT NULL,
	`word` text NOT NULL,
	PRIMARY KEY(`variant`, `word`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `words` (
	`word` text PRIMARY KEY NOT NULL
) WITHOUT ROWID;
