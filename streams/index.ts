/** Every stream of the system. A new one needs its file and a word here. */
import { archive } from './archive.ts';
import { catalogue } from './catalogue.ts';
import { deadletters } from './deadletters.ts';
import { library } from './library.ts';
import { support } from './support.ts';
import { votes } from './votes.ts';

export const streams = [catalogue, votes, library, support, archive, deadletters];
