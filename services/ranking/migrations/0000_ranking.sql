CREATE TABLE `movie_states` (
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`time` integer NOT NULL,
	`revision` integer NOT NULL,
	`fields` text,
	PRIMARY KEY(`movie_id`, `site`)
);
--> statement-breakpoint
CREATE TABLE `tallies` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`likes` integer NOT NULL,
	`trending` real NOT NULL
);
