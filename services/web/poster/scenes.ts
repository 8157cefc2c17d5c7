/** Scenes of posters: seeded shapes on 300 × 450. The lower third stays plain for the title. */
import type { Palette } from './palettes.ts';
import type { Dice } from './random.ts';

export type Scene = (dice: Dice, colours: Palette) => string;

export const circle = (x: number, y: number, r: number, more: string): string =>
  `<circle cx="${x}" cy="${y}" r="${r}" ${more}/>`;
export const rect = (x: number, y: number, width: number, height: number, more: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" ${more}/>`;
export const path = (d: string, more: string): string => `<path d="${d}" ${more}/>`;
export const times = (count: number, draw: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => draw(index)).join('');

const stars = (dice: Dice, count: number, fill: string): string =>
  times(count, () =>
    circle(dice.between(8, 292), dice.between(8, 300), dice.between(0.5, 1.7), `fill="${fill}" opacity=".7"`),
  );

/** A jagged ridge across the picture, filled down to the bottom. */
function ridge(dice: Dice, top: number, height: number, steps: number, fill: string): string {
  const points = Array.from({ length: steps + 1 }, (_, index) => {
    return `L${Math.round((index * 300) / steps)} ${dice.between(top, top + height)}`;
  });
  return path(`M0 450${points.join('')}L300 450Z`, `fill="${fill}"`);
}

/** A curved line of hills, filled down to the bottom. */
function hill(dice: Dice, top: number, height: number, fill: string): string {
  const [a, b, c, d] = [0, 1, 2, 3].map(() => dice.between(top, top + height));
  return path(`M0 ${a}C80 ${b} 130 ${c} 180 ${c}S270 ${d} 300 ${b}V450H0Z`, `fill="${fill}"`);
}

/** A planet with rings, among stars. */
export const planet: Scene = (dice, { far, near, light }) => {
  const [x, y, r] = [dice.between(95, 205), dice.between(120, 175), dice.between(55, 82)];
  const tilt = dice.int(-35, 35);
  const ring = (grow: number, width: number): string =>
    `<ellipse cx="${x}" cy="${y}" rx="${r * grow}" ry="${r * 0.28 * grow}" fill="none" stroke="${light}" stroke-width="${width}" transform="rotate(${tilt} ${x} ${y})"/>`;
  return [
    stars(dice, 46, light),
    circle(x, y, r + 26, `fill="${far}" opacity=".45"`),
    circle(x, y, r, `fill="${near}"`),
    path(`M${x - r} ${y}A${r} ${r} 0 0 0 ${x + r} ${y}A${r * 1.3} ${r} 0 0 1 ${x - r} ${y}`, `fill="${far}"`),
    ring(1.45, 5),
    ring(1.7, 1.5),
    circle(dice.between(30, 270), dice.between(30, 90), dice.between(6, 13), `fill="${light}"`),
    ridge(dice, 290, 40, 7, far),
  ].join('');
};

/** Tree trunks in front of a moon. */
export const woods: Scene = (dice, { far, near, light, ground }) => {
  const x = dice.between(80, 220);
  return [
    circle(x, 150, 118, `fill="${far}" opacity=".5"`),
    circle(x, 150, 78, `fill="${light}"`),
    times(9, (index) => {
      const at = index * 36 + dice.between(-14, 14);
      const width = dice.between(5, 15);
      const tone = index % 2 ? near : far;
      const branch = `M${at + width / 2} ${dice.between(80, 220)}l${dice.between(18, 42) * (index % 2 ? 1 : -1)} -${dice.between(20, 48)}`;
      return rect(at, 0, width, 330, `fill="${tone}"`) + path(branch, `stroke="${tone}" stroke-width="3" fill="none"`);
    }),
    hill(dice, 300, 26, ground),
  ].join('');
};

/** Two overlapping circles over water. */
export const couple: Scene = (dice, { far, near, light, ground }) => {
  const r = dice.between(66, 84);
  const y = dice.between(130, 165);
  const apart = dice.between(34, 54);
  return [
    circle(150 - apart, y, r, `fill="${near}"`),
    circle(150 + apart, y, r, `fill="${light}" opacity=".86"`),
    times(7, (index) => {
      const at = 262 + index * 13;
      const wave = dice.between(4, 9);
      return path(
        `M-10 ${at}q40 -${wave} 80 0t80 0t80 0t80 0V450H-10Z`,
        `fill="${index % 2 ? far : ground}" opacity="${index % 2 ? 0.55 : 0.75}"`,
      );
    }),
  ].join('');
};

/** Quarter circles and squares in a grid. */
export const blocks: Scene = (dice, { far, near, light, ink }) => {
  const size = dice.pick([75, 100]);
  const columns = 300 / size;
  const tones = [far, near, light, ink];
  return times(columns * Math.floor(300 / size), (index) => {
    const [x, y] = [(index % columns) * size, Math.floor(index / columns) * size];
    const tone = dice.pick(tones);
    const turned = `transform="rotate(${dice.int(0, 3) * 90} ${x + size / 2} ${y + size / 2})"`;
    switch (dice.int(0, 4)) {
      case 0:
        return path(`M${x} ${y}h${size}A${size} ${size} 0 0 1 ${x} ${y + size}Z`, `fill="${tone}" ${turned}`);
      case 1:
        return circle(x + size / 2, y + size / 2, size * dice.pick([0.5, 0.32]), `fill="${tone}"`);
      case 2:
        return path(`M${x} ${y}l${size} ${size}h-${size}Z`, `fill="${tone}" ${turned}`);
      case 3:
        return path(`M${x} ${y + size / 2}a${size / 2} ${size / 2} 0 0 1 ${size} 0Z`, `fill="${tone}" ${turned}`);
      default:
        return rect(x, y, size, size, `fill="${tone}" opacity=".28"`);
    }
  });
};

/** Shards that radiate from a point. */
export const shards: Scene = (dice, { far, near, light, ground }) => {
  const [x, y] = [dice.between(60, 240), dice.between(110, 210)];
  const rays = dice.int(15, 23);
  const start = dice.next() * 6.28;
  return [
    times(rays, (index) => {
      const angle = start + (index / rays) * 6.283;
      const wide = dice.between(0.04, 0.13);
      const end = (by: number) =>
        `${Math.round(x + Math.cos(angle + by) * 420)} ${Math.round(y + Math.sin(angle + by) * 420)}`;
      return path(
        `M${x} ${y}L${end(-wide)}L${end(wide)}Z`,
        `fill="${index % 3 ? far : near}" opacity="${index % 2 ? 1 : 0.7}"`,
      );
    }),
    circle(x, y, dice.between(34, 52), `fill="${light}"`),
    circle(x, y, 20, `fill="${ground}"`),
    circle(x, y, 9, `fill="${light}"`),
  ].join('');
};

/** A city at night with lit windows. */
export const skyline: Scene = (dice, { far, near, light }) => {
  const towers = (top: number, fill: string, lit: boolean): string =>
    times(9, (index) => {
      const [x, y, width] = [index * 36 - 8, dice.between(top, top + 110), dice.between(26, 40)];
      const windows = lit
        ? times(dice.int(1, 5), () =>
            rect(x + 4 + dice.int(0, 3) * 7, y + 8 + dice.int(0, 8) * 11, 3.5, 5, `fill="${light}"`),
          )
        : '';
      return rect(x, y, width, 340 - y, `fill="${fill}"`) + windows;
    });
  return [
    circle(dice.between(60, 240), dice.between(70, 120), dice.between(28, 46), `fill="${light}" opacity=".92"`),
    towers(120, far, false),
    towers(190, near, true),
    path('M0 330H300V450H0Z', `fill="${near}" opacity=".35"`),
  ].join('');
};

/** Hills and ridges with a low sun. */
export const hills: Scene = (dice, { far, near, light, ground }) => {
  const x = dice.between(70, 230);
  return [
    circle(x, 165, 112, `fill="${light}" opacity=".14"`),
    circle(x, 165, 84, `fill="${light}" opacity=".2"`),
    circle(x, 165, dice.between(44, 60), `fill="${light}"`),
    ridge(dice, 170, 70, dice.int(5, 9), far),
    hill(dice, 220, 50, near),
    hill(dice, 285, 34, ground),
  ].join('');
};
