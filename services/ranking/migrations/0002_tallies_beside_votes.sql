CREATE TABLE `stale_ranks` (
	`id` integer PRIMARY KEY NOT NULL,
	`movie_id` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `stale_ranks` (`movie_id`)
	SELECT `tallies`.`movie_id` FROM `tallies` CROSS JOIN `ranked` USING (`movie_id`)
	WHERE `genre_key` = '' AND (`ranked`.`likes` <> `tallies`.`likes` OR `ranked`.`trending` <> `tallies`.`trending`);--> statement-breakpoint
ALTER TABLE `votes` ADD `likes` integer;--> statement-breakpoint
ALTER TABLE `votes` ADD `trending` real;--> statement-breakpoint
INSERT INTO `votes` (`movie_id`, `voter_id`, `site`, `liked`, `time`, `liked_since`, `revision`, `likes`, `trending`)
	SELECT `movie_id`, '', '', 0, 0, 0, 0, `likes`, `trending` FROM `tallies`;
