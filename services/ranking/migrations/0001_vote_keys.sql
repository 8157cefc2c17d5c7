CREATE TABLE `vote_keys` (
	`key` text NOT NULL,
	`site` text NOT NULL,
	`movie_id` integer NOT NULL,
	`voter_id` text NOT NULL,
	PRIMARY KEY(`key`, `site`)
) WITHOUT ROWID;
