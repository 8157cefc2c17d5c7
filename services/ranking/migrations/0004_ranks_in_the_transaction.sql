UPDATE ranked SET (likes, trending) = (SELECT likes, trending FROM tallies WHERE tallies.movie_id = ranked.movie_id)
WHERE movie_id IN (SELECT movie_id FROM tallies WHERE unranked = 1);
--> statement-breakpoint
ALTER TABLE `tallies` DROP COLUMN `unranked`;
