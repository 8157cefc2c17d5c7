CREATE TABLE `tickets` (
	`ticket_id` text PRIMARY KEY NOT NULL,
	`order_id` text,
	`order_sequence` integer,
	`user_id` text NOT NULL,
	`state` text NOT NULL,
	`document` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `tickets_by_order` ON `tickets` (`order_id`,`order_sequence`);--> statement-breakpoint
CREATE INDEX `tickets_by_sequence` ON `tickets` (`order_sequence`);--> statement-breakpoint
CREATE INDEX `tickets_by_state` ON `tickets` (`state`,`order_sequence`);--> statement-breakpoint
CREATE INDEX `tickets_by_user` ON `tickets` (`user_id`,`order_sequence`);