CREATE TABLE `genres` (
	`genre_key` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`movies` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `movie_genres` (
	`genre_key` text NOT NULL,
	`movie_id` integer NOT NULL,
	PRIMARY KEY(`genre_key`, `movie_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `movies` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`revision` integer NOT NULL,
	`site` text NOT NULL,
	`time` integer NOT NULL,
	`title_key` text NOT NULL,
	`year` integer NOT NULL,
	`rating` real NOT NULL,
	`votes` integer NOT NULL,
	`document` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `movies_by_title` ON `movies` (`title_key`,`movie_id`);--> statement-breakpoint
CREATE INDEX `movies_by_year` ON `movies` (`year`,`movie_id`);--> statement-breakpoint
CREATE INDEX `movies_by_rating` ON `movies` (`rating`,`movie_id`);--> statement-breakpoint
CREATE INDEX `movies_by_votes` ON `movies` (`votes`,`movie_id`);--> statement-breakpoint
CREATE TABLE `other_states` (
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`time` integer NOT NULL,
	`revision` integer NOT NULL,
	`fields` text,
	PRIMARY KEY(`movie_id`, `site`)
);
--> statement-breakpoint
CREATE TABLE `title_word_grams` (
	`gram` text NOT NULL,
	`length` integer NOT NULL,
	`word` text NOT NULL,
	PRIMARY KEY(`gram`, `length`, `word`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `title_words` (
	`word` text PRIMARY KEY NOT NULL,
	`uses` integer NOT NULL
) WITHOUT ROWID;
