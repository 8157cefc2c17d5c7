CREATE TABLE `tickets` (
	`ticket_id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`opened_sequence` integer NOT NULL,
	`document` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `tickets_by_user` ON `tickets` (`user_id`,`opened_sequence`);