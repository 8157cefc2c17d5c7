CREATE TABLE `tickets` (
	`ticket_id` text PRIMARY KEY NOT NULL,
	`facts` text NOT NULL,
	`order_id` text,
	`user_id` text,
	`state` text,
	`opened_at` integer,
	`document` text
);
--> statement-breakpoint
CREATE INDEX `tickets_by_order` ON `tickets` (`order_id`,`opened_at`,`ticket_id`);--> statement-breakpoint
CREATE INDEX `tickets_by_time` ON `tickets` (`opened_at`,`ticket_id`);--> statement-breakpoint
CREATE INDEX `tickets_by_state` ON `tickets` (`state`,`opened_at`,`ticket_id`);--> statement-breakpoint
CREATE INDEX `tickets_by_user` ON `tickets` (`user_id`,`opened_at`,`ticket_id`);