/** Searches for films of the shipped catalogue as people type them, with the titles that may come first. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { openShipped } from '../testing.ts';

const shippedSearches: Record<string, [q: string, ...titles: string[]][]> = {
  'typing errors': [
    ['gladiater', 'Gladiator'],
    ['apocolypse now', 'Apocalypse Now'],
    ['casablanka', 'Casablanca'],
    ['labirynth pan', "Pan's Labyrinth"],
    ['requium for a dream', 'Requiem for a Dream'],
    ['braveheat', 'Braveheart'],
    ['silense of the lams', 'The Silence of the Lambs'],
    ['truman shwo', 'The Truman Show'],
    ['hale rder', 'Whale Rider'],
    ['thae terminator', 'The Terminator'],
    ['the green mille', 'The Green Mile'],
    ['eternal sunshne spotless', 'Eternal Sunshine of the Spotless Mind'],
    ['bettleship potempkin', 'Battleship Potemkin'],
    ['amadeous', 'Amadeus'],
    ['mullholand drive', 'Mulholland Drive'],
    ['slumdog milionaire', 'Slumdog Millionaire'],
    ['suspirria', 'Suspiria'],
    ['kasablanka', 'Casablanca'],
    ['itnertellar', 'Interstellar'],
    ['mefisto', 'Mephisto'],
    ['atavar', 'Avatar'],
    ['te hunt', 'The Hunt'],
    ['the erpstige', 'The Prestige'],
    ['ohsycho', 'Psycho'],
    ['psuvho', 'Psycho'],
    ['qhillash', 'Whiplash'],
    ['the oisnist', 'The Pianist'],
    ['psuvho hitchcock', 'Psycho'],
    ['onceuponatimeinollywood', 'Once Upon a Time in... Hollywood'],
  ],
  'by ear': [
    ['physco', 'Psycho'],
    ['pyshco', 'Psycho'],
    ['dunkerque', 'Dunkirk'],
    ['incepshun', 'Inception'],
    ['kazablanka', 'Casablanca'],
    ['brayvhart', 'Braveheart'],
    ['the egsorcist', 'The Exorcist'],
    ['kwentin', 'Pulp Fiction', 'Django Unchained', 'Inglourious Basterds'],
    ['mcconohey', 'Interstellar', 'The Wolf of Wall Street'],
    ['jauz', 'Jaws'],
    ['barby', 'Barbie'],
    ['koko', 'Coco'],
    ['moon lite', 'Moonlight'],
    ['trane spotting', 'Trainspotting'],
    ['john wane', 'The Searchers', 'Stagecoach'],
    ['bruce li', 'Enter the Dragon'],
    ['ratatooee', 'Ratatouille'],
    ['ratatui', 'Ratatouille'],
  ],
  'typing errors that are words': [
    ['beauty and the beats', 'Beauty and the Beast'],
    ['the thin', 'The Thing'],
    ['back to the furniture', 'Back to the Future'],
    ['rear widow', 'Rear Window'],
    ['taxi diver', 'Taxi Driver'],
    ['the lost boys of the spirited a way', 'Spirited Away'],
    ['right club', 'Fight Club'],
    ['good wheel hunting', 'Good Will Hunting'],
    ['paper noon', 'High Noon'],
    ['no country for old man', 'No Country for Old Men'],
    ['die heart', 'Die Hard'],
    ['sean of the dead', 'Shaun of the Dead'],
    ['jacky brown', 'Jackie Brown'],
  ],
  'people, right and wrong': [
    ['hitchkock', 'Psycho', 'Rear Window', 'Vertigo', 'North by Northwest', 'The 39 Steps'],
    ['tarantino', 'Pulp Fiction', 'Django Unchained', 'Inglourious Basterds', 'Reservoir Dogs', 'Jackie Brown'],
    ['kurasawa', 'Seven Samurai', 'Rashomon', 'Yojimbo', 'Ran', 'Ikiru', 'High and Low'],
    ['henry thomes', 'E.T. the Extra-Terrestrial'],
    ['brad pit', 'Fight Club', 'Se7en', 'Inglourious Basterds'],
    ['ingmar bergmann', 'The Seventh Seal', 'Persona', 'Wild Strawberries', 'Fanny and Alexander'],
    ['al pacino godfather', 'The Godfather', 'The Godfather Part II'],
    ['miyasaki', 'Spirited Away', 'Princess Mononoke', "Howl's Moving Castle", 'My Neighbor Totoro'],
    ['charlie chaplain', 'Modern Times', 'The Great Dictator', 'City Lights', 'The Gold Rush'],
    ['wong kar wai', 'In the Mood for Love', 'Chungking Express'],
    ['deniro scorsese', 'Taxi Driver', 'Goodfellas', 'Raging Bull'],
  ],
  'joined and split': [
    ['blackswan', 'Black Swan'],
    ['snow piercer', 'Snowpiercer'],
    ['trainspoting', 'Trainspotting'],
    ['train spotting', 'Trainspotting'],
    ['braveheart', 'Braveheart'],
    ['cityofgod', 'City of God'],
    ['eternalsunshineofthespotlessmind', 'Eternal Sunshine of the Spotless Mind'],
    ['brave heart', 'Braveheart'],
    ['good fellas', 'Goodfellas'],
    ['kingkong', 'King Kong'],
    ['stage coach', 'Stagecoach'],
    ['gost busters', 'Ghostbusters'],
    ['god fellas', 'Goodfellas'],
    ['closeup', 'Close-Up'],
    ['play time', 'Playtime'],
    ['moon light', 'Moonlight'],
    ['thehandmaiden', 'The Handmaiden'],
    ['guardiansgalaxy', 'Guardians of the Galaxy'],
    ['harrypotterandphilosophersstone', "Harry Potter and the Philosopher's Stone"],
  ],
  'joined and mistyped': [
    ['pulpfictoin', 'Pulp Fiction'],
    ['shawshankredemtion 1995', 'The Shawshank Redemption'],
    ['pulpfictoin spielberg', 'Pulp Fiction'],
    ['fihgtclub nolan', 'Fight Club'],
    ['plupfictoin', 'Pulp Fiction'],
    ['figthclu', 'Fight Club'],
    ['forreftgumpp', 'Forrest Gump'],
    ['blacckswan', 'Black Swan'],
    ['thegreutbeauty', 'The Great Beauty'],
    ['runlolrun', 'Run Lola Run'],
    ['kingkogn 1933', 'King Kong'],
    ['pulpficshon', 'Pulp Fiction'],
    ['slumdogmilionare', 'Slumdog Millionaire'],
    ['rnlolarun', 'Run Lola Run'],
    ['dedpoetsociety', 'Dead Poets Society'],
    ['balcktothefutkure', 'Back to the Future'],
    ['thewikcermon', 'The Wicker Man'],
    ['eternalsunshineofthespotlessmisnd', 'Eternal Sunshine of the Spotless Mind'],
    ['quentintarentino', 'Pulp Fiction', 'Django Unchained', 'Inglourious Basterds', 'Reservoir Dogs', 'Jackie Brown'],
  ],
  'signs and initials': [
    ['e.t.', 'E.T. the Extra-Terrestrial'],
    ['e t', 'E.T. the Extra-Terrestrial'],
    ['l a confidential', 'L.A. Confidential'],
    ['wall e', 'WALL·E'],
    ['rosemarys baby', "Rosemary's Baby"],
    ['kikis delivery', "Kiki's Delivery Service"],
    ['y tu mama tambien', 'Y tu mamá también'],
    ['butch cassidy & the sundance kid', 'Butch Cassidy and the Sundance Kid'],
    ['mughal e azam', 'Mughal-e-Azam'],
    ['r.r.r.', 'RRR'],
    ['latalante', "L'Atalante"],
    ['atalante', "L'Atalante"],
    ['mr. fox', 'Fantastic Mr. Fox'],
    ['safety last', 'Safety Last!'],
  ],
  numerals: [
    ['toy story three', 'Toy Story 3'],
    ['toy story iii', 'Toy Story 3'],
    ['terminator two', 'Terminator 2: Judgment Day'],
    ['dune part ii', 'Dune: Part Two'],
    ['7th seal', 'The Seventh Seal'],
    ['godfather 2nd', 'The Godfather Part II'],
    ['third harry potter', 'Harry Potter and the Prisoner of Azkaban'],
    ['5th element', 'The Fifth Element'],
    ['thirty nine steps', 'The 39 Steps'],
    ['four hundred blows', 'The 400 Blows'],
    ['4 weddings and a funeral', 'Four Weddings and a Funeral'],
    ['the 3rd man', 'The Third Man'],
    ['blade runner twenty forty nine', 'Blade Runner 2049'],
    ['nine queens', 'Nine Queens'],
    ['9 queens', 'Nine Queens'],
    ['eight and a half', '8½'],
    ['paddington two', 'Paddington 2'],
    ['godfather2', 'The Godfather Part II'],
    ['starwars7', 'Star Wars: The Force Awakens'],
    ['alien 1', 'Alien'],
    ['1 flew over the cuckoo nest', "One Flew Over the Cuckoo's Nest"],
  ],
  'years and genres': [
    ['beauty and the beast 1946', 'Beauty and the Beast'],
    ['nosferatu (1922)', 'Nosferatu'],
    ['king kong 1933', 'King Kong'],
    ['fincher 1999', 'Fight Club'],
    ['nolan sci-fi', 'Inception', 'Interstellar', 'The Prestige'],
    ['spielberg war', 'Saving Private Ryan', "Schindler's List"],
    ['2019 bong', 'Parasite'],
    ['the godfather 1974', 'The Godfather Part II'],
    ['kubrick horror', 'The Shining'],
  ],
  'more and fewer words': [
    ['rings of the lord', 'The Lord of the Rings: The Fellowship of the Ring'],
    ['amelie film', 'Amélie'],
    ['what is the movie inception about', 'Inception'],
    ['watch finding nemo online', 'Finding Nemo'],
    ['the movie heat', 'Heat'],
    ['dinosaur movie spielberg', 'Jurassic Park'],
    ['magicians of the victorian age', 'The Prestige'],
    ['jealous stage magicians', 'The Prestige', 'Stagecoach'],
    ['jealous victorian magicians', 'The Prestige'],
    ['capra bedford christmas', "It's a Wonderful Life"],
    ['kubrick war', 'Full Metal Jacket', 'Dr. Strangelove', 'Paths of Glory', 'Barry Lyndon'],
    ['et phone home', 'E.T. the Extra-Terrestrial'],
    ['mutant fish han river', 'The Host'],
    ['backwards story memory tattoos', 'Memento'],
    ['kidnapped wife fake blood snow minnesota', 'Fargo'],
    ['boxing philadelphia', 'Rocky', 'The Sixth Sense'],
    ['spider verse', 'Spider-Man: Into the Spider-Verse'],
    ['butch and sundance', 'Butch Cassidy and the Sundance Kid'],
    ['private ryan', 'Saving Private Ryan'],
    ['totoro', 'My Neighbor Totoro'],
    ['joan of arc', 'The Passion of Joan of Arc'],
    ['gump', 'Forrest Gump'],
    ['three colours red', 'Three Colors: Red'],
    ['my neighbour totoro', 'My Neighbor Totoro'],
  ],
  'other titles': [
    ['ladri di biciclette', 'Bicycle Thieves'],
    ['기생충', 'Parasite'],
    ['七人の侍', 'Seven Samurai'],
    ['der untergang', 'Downfall'],
    ['belle et la bete cocteau', 'Beauty and the Beast'],
    ['lotr return', 'The Lord of the Rings: The Return of the King'],
    ['a new hope', 'Star Wars'],
    ['the sorcerers stone', "Harry Potter and the Philosopher's Stone"],
    ['a bout de souffle', 'Breathless'],
    ['nuovo cinema paradiso', 'Cinema Paradiso'],
    ['todo sobre mi madre', 'All About My Mother'],
    ['gojira', 'Godzilla'],
    ['der weisse hai', 'Jaws'],
    ['autant en emporte le vent', 'Gone with the Wind'],
    ['el viaje de chihiro', 'Spirited Away'],
    ['сталкер', 'Stalker'],
    ['the way of the dragon empire strikes back', 'The Empire Strikes Back'],
  ],
};

const movies = await openShipped();

test('the searches that people type have the right film first', () => {
  const misses: string[] = [];
  const searches = Object.entries(shippedSearches).flatMap(([kind, list]) => list.map((search) => ({ kind, search })));
  for (const { kind, search } of searches) {
    const [q, ...titles] = search;
    const first = movies.search(q, 3).items[0]?.title ?? 'nothing';
    if (!titles.includes(first)) misses.push(`${kind}: ${q}: ${first}`);
  }
  assert.deepEqual(misses, []);
  assert.ok(searches.length >= 100);
});

test('a year beside words such as "movies" finds the films of that year', () => {
  const ofYear = ({ items }: { items: { title: string }[] }): string[] => items.map(({ title }) => title).sort();
  const of1994 = ofYear(movies.list({ year: 1994 }));
  for (const q of ['1994 movies', 'movies from 1994']) {
    const first = movies.search(q).items.slice(0, of1994.length);
    assert.deepEqual(ofYear({ items: first }), of1994, q);
  }
});

test('finds every title as written, in upper case without punctuation, with its year, and in reverse word order', () => {
  const misses: string[] = [];
  for (const { title, year } of movies.list({ limit: 500 }).items) {
    for (const q of [
      title,
      title.toUpperCase().replace(/[^\p{L}\p{N}]+/gu, ' '),
      `${title} ${year}`,
      title.split(' ').reverse().join(' '),
    ]) {
      if (movies.search(q, 1).items[0]?.title !== title) misses.push(q);
    }
  }
  assert.deepEqual(misses, []);
});
