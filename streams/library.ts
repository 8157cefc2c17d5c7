import { DiscardPolicy } from '@nats-io/jetstream';
import { stream } from './stream.ts';

/** Watch-later lists and watched movies, and the schedules that make reminders due. */
export const library = stream({
  name: 'LIBRARY',
  description: 'Reminders, watched movies, and reminders that are due',
  subjects: ['library.>', 'reminders.>'],
  allow_msg_schedules: true,
  // Brokers from 2.15 on require this for schedules. Without limits nothing is ever discarded.
  discard: DiscardPolicy.Old,
});
