CREATE TABLE `film_keys` (
	`title_key` text NOT NULL,
	`year` integer NOT NULL,
	`movie_id` integer NOT NULL,
	`directors` text NOT NULL,
	PRIMARY KEY(`title_key`, `year`, `movie_id`)
) WITHOUT ROWID;
