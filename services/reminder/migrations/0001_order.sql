DROP INDEX `entries_of_user`;--> statement-breakpoint
DROP INDEX `entries_of_all`;--> statement-breakpoint
CREATE INDEX `entries_of_user` ON `entries` (`list`,`user_id`,`added_at`,`movie_id`);--> statement-breakpoint
CREATE INDEX `entries_of_all` ON `entries` (`list`,`added_at`,`user_id`,`movie_id`);--> statement-breakpoint
ALTER TABLE `entries` DROP COLUMN `added_revision`;--> statement-breakpoint
ALTER TABLE `site_states` DROP COLUMN `added_revision`;