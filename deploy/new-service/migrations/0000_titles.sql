CREATE TABLE `titles` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`title` text NOT NULL
);
