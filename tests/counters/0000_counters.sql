CREATE TABLE counters (count INTEGER NOT NULL, version INTEGER NOT NULL);
--> statement-breakpoint
INSERT INTO counters VALUES (0, 0);
