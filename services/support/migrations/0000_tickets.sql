CREATE TABLE `tickets` (
	`ticket_id` text PRIMARY KEY NOT NULL,
	`facts` text NOT NULL,
	`user_id` text,
	`opened_at` integer,
	`document` text
);
--> statement-breakpoint
CREATE INDEX `tickets_by_user` ON `tickets` (`user_id`,`opened_at`,`ticket_id`);