/** Draws a poster for every film from its title, genre and year, so that a film has the same poster everywhere. */
import { arcs, blinds, castle, doorway, lanes, sound } from './more-scenes.ts';
import { type Palette, palettes } from './palettes.ts';
import { Dice } from './random.ts';
import { blocks, couple, hills, planet, type Scene, shards, skyline, woods } from './scenes.ts';
import { fitTitle, isRightToLeft } from './title.ts';

export interface PosterOf {
  title: string;
  /** The genre that decides what is drawn. */
  genre: string;
  year: number | null;
}

interface Look {
  scenes: Scene[];
  colours: Palette[];
}

const { night, ember, paper, candy, forest, dusk, noir } = palettes;

/** Looks by genre, in lower case. The most distinctive genres come first: a film gets the first look that it has. */
const looks: Record<string, Look> = {
  'sci-fi': { scenes: [planet, planet, arcs], colours: night },
  horror: { scenes: [woods, blinds, doorway], colours: [...ember, ...noir] },
  western: { scenes: [hills], colours: ember },
  musical: { scenes: [sound], colours: [...candy, ...dusk] },
  music: { scenes: [sound], colours: [...candy, ...night] },
  sport: { scenes: [lanes], colours: [...paper, ...candy] },
  war: { scenes: [hills, shards], colours: [...ember, ...noir] },
  animation: { scenes: [blocks, hills, castle], colours: candy },
  family: { scenes: [blocks, castle], colours: candy },
  fantasy: { scenes: [castle, planet], colours: [...dusk, ...forest] },
  romance: { scenes: [couple, arcs], colours: [...dusk, ...candy] },
  mystery: { scenes: [doorway, blinds, woods], colours: [...noir, ...night] },
  crime: { scenes: [skyline, blinds], colours: [...noir, ...night] },
  thriller: { scenes: [shards, doorway, skyline], colours: [...noir, ...ember] },
  adventure: { scenes: [hills, woods], colours: [...forest, ...dusk] },
  action: { scenes: [shards, skyline], colours: [...ember, ...night] },
  comedy: { scenes: [blocks, arcs], colours: [...candy, ...paper] },
  biography: { scenes: [doorway, arcs], colours: paper },
  history: { scenes: [arcs, hills], colours: paper },
  drama: { scenes: [arcs, doorway, hills, couple], colours: [...paper, ...dusk, ...forest] },
};
const otherwise: Look = { scenes: [arcs, blocks, hills], colours: [...paper, ...night] };

/** Returns the genre that a film's poster shows, or an empty string if the film has none. */
export function posterGenre(genres: readonly string[]): string {
  const known = Object.keys(looks);
  const ranked = genres
    .map((genre) => ({ genre, rank: known.indexOf(genre.toLowerCase()) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return ranked[0]?.genre ?? genres[0] ?? '';
}

const serif = "Georgia,'Iowan Old Style','Times New Roman',serif";
const sans = "'Avenir Next Condensed','Arial Narrow','Liberation Sans Narrow','Helvetica Neue',sans-serif";

/** Height of the gradient from the picture into the background of the title. */
const fadeHeight = 60;

/** Draws a poster. @returns an SVG document of 300 × 450 */
export function drawPoster({ title, genre, year }: PosterOf): string {
  const dice = new Dice(`${title}\n${year ?? ''}`);
  const look = Object.hasOwn(looks, genre.toLowerCase()) ? (looks[genre.toLowerCase()] as Look) : otherwise;
  const colours = dice.pick(look.colours);
  const scene = dice.pick(look.scenes)(dice, colours);
  const { text, top } = lettering({ title, genre, year }, colours, dice);
  // The picture fades out above the title, whose height depends on its number of lines.
  const fadeTop = top - fadeHeight;
  const fadeEnd = (fadeHeight / (450 - fadeTop)).toFixed(2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 450" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<defs><linearGradient id="fade" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${colours.ground}" stop-opacity="0"/>`,
    `<stop offset="${fadeEnd}" stop-color="${colours.ground}" stop-opacity=".94"/><stop offset="1" stop-color="${colours.ground}"/></linearGradient></defs>`,
    `<rect width="300" height="450" fill="${colours.ground}"/>${scene}`,
    `<rect y="${fadeTop}" width="300" height="${450 - fadeTop}" fill="url(#fade)"/>${text}`,
    `</svg>`,
  ].join('');
}

/** Draws the title with year and genre below it. @returns the SVG and its upper edge */
function lettering(
  { title, genre, year }: PosterOf,
  { ink, light }: Palette,
  dice: Dice,
): { text: string; top: number } {
  const isSerif = dice.chance(0.5);
  const { lines, size } = fitTitle(title, 256, 142);
  const rightToLeft = isRightToLeft(title);
  const x = rightToLeft ? 278 : 22;
  const bottom = 406;
  const first = bottom - (lines.length - 1) * size * 1.04;
  const top = Math.round(first - size * 0.98 - 12);
  const spans = lines
    .map((line, index) => `<tspan x="${x}" y="${Math.round(first + index * size * 1.04)}">${escaped(line)}</tspan>`)
    .join('');
  const small = [year, genre.toUpperCase()].filter(Boolean).join('  ·  ');
  const text = [
    `<rect x="${rightToLeft ? 244 : 22}" y="${top}" width="34" height="3" fill="${light}"/>`,
    `<text font-family="${isSerif ? serif : sans}" font-weight="700" font-size="${size}" fill="${ink}"`,
    `${rightToLeft ? ' direction="rtl"' : ''}>${spans}</text>`,
    `<text x="${x}" y="430" font-family="${sans}" font-size="11" letter-spacing="1.8" fill="${ink}" opacity=".82"${rightToLeft ? ' text-anchor="end"' : ''}>${escaped(small)}</text>`,
  ].join('');
  return { text, top };
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Escapes text for XML and removes the characters that XML cannot contain. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n]/gu, '')
    .replace(/[\ufffe\uffff]/g, '')
    .replace(/[&<>"]/g, (sign) => entities[sign] as string);
}
