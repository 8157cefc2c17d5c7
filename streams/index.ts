/** All streams of the system. A new stream needs a file and an entry here. */
import { archive } from './archive.ts';
import { catalogue } from './catalogue.ts';
import { deadletters } from './deadletters.ts';
import { library } from './library.ts';
import { support } from './support.ts';
import { votes } from './votes.ts';

export const streams = [catalogue, votes, library, support, archive, deadletters];
