CREATE TABLE `entries` (
	`list` text NOT NULL,
	`user_id` text NOT NULL,
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`added_at` integer NOT NULL,
	`added_revision` integer NOT NULL,
	`remind_at` integer,
	`due_at` integer,
	PRIMARY KEY(`list`, `user_id`, `movie_id`)
);
--> statement-breakpoint
CREATE INDEX `entries_of_user` ON `entries` (`list`,`user_id`,`added_at`,`added_revision`,`movie_id`);--> statement-breakpoint
CREATE INDEX `entries_of_all` ON `entries` (`list`,`added_at`,`added_revision`,`user_id`,`movie_id`);--> statement-breakpoint
CREATE TABLE `schedules` (
	`user_id` text NOT NULL,
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`revision` integer NOT NULL,
	`remind_at` integer,
	PRIMARY KEY(`user_id`, `movie_id`, `site`)
);
--> statement-breakpoint
CREATE INDEX `schedules_waiting` ON `schedules` (`site`,`remind_at`) WHERE remind_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `site_states` (
	`user_id` text NOT NULL,
	`movie_id` integer NOT NULL,
	`list` text NOT NULL,
	`site` text NOT NULL,
	`time` integer NOT NULL,
	`listed` integer NOT NULL,
	`remind_at` integer,
	`added_at` integer NOT NULL,
	`added_revision` integer NOT NULL,
	`removed_at` integer,
	`due_at` integer,
	PRIMARY KEY(`user_id`, `movie_id`, `list`, `site`)
);
--> statement-breakpoint
CREATE TABLE `titles` (
	`movie_id` integer PRIMARY KEY NOT NULL,
	`title` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `unsettled` (
	`user_id` text NOT NULL,
	`movie_id` integer NOT NULL,
	`site` text NOT NULL,
	`remind_at` integer,
	PRIMARY KEY(`site`, `user_id`, `movie_id`)
);
