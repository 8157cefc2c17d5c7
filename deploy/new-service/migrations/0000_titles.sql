CREATE TABLE `titles` (
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`time` integer NOT NULL,
	`revision` integer NOT NULL,
	`title` text,
	PRIMARY KEY(`movie_id`, `site`)
);
