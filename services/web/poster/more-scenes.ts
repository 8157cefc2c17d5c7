/** More scenes, split from scenes.ts for its length. */
import { circle, path, rect, type Scene, times } from './scenes.ts';

/** A castle with three towers on a mountain under a large moon. */
export const castle: Scene = (dice, { far, near, light, ground }) => {
  const x = dice.between(110, 190);
  const tower = (at: number, top: number, width: number): string =>
    rect(at, top, width, 300 - top, `fill="${ground}"`) +
    path(`M${at - 3} ${top}h${width + 6}l-${width / 2 + 3} -${width * 1.2}Z`, `fill="${ground}"`);
  return [
    circle(x, 150, 104, `fill="${far}"`),
    circle(x, 150, 88, `fill="${light}" opacity=".9"`),
    path(`M0 340L${x - 90} 230L${x - 40} 262L${x + 70} 214L300 330V450H0Z`, `fill="${near}"`),
    tower(x - 34, 190, 20),
    tower(x - 4, dice.between(140, 165), 26),
    tower(x + 34, 205, 16),
    path(`M0 380L${x} 262L300 372V450H0Z`, `fill="${ground}"`),
    times(6, () =>
      path(
        `M${dice.between(20, 280)} ${dice.between(30, 110)}q5 -6 9 0q5 -6 9 0`,
        `fill="none" stroke="${ground}" stroke-width="1.6"`,
      ),
    ),
  ].join('');
};

/** Concentric circles. */
export const arcs: Scene = (dice, { far, near, light, ground }) => {
  const [x, y] = dice.pick([
    [150, 300],
    [0, 300],
    [300, 300],
    [150, 160],
  ] as const);
  const count = dice.int(6, 9);
  const tones = [far, near, light, ground];
  const step = (y === 160 ? 150 : 290) / count;
  return [
    times(count, (index) => circle(x, y, Math.round((count - index) * step), `fill="${tones[index % 4]}"`)),
    path('M0 303H300V450H0Z', `fill="${ground}"`),
  ].join('');
};

/** A figure in a lit doorway. */
export const doorway: Scene = (dice, { far, near, light, ground }) => {
  const x = dice.between(95, 165);
  const [width, top] = [dice.between(44, 66), dice.between(80, 130)];
  const right = x + width;
  const figure = x + width / 2;
  return [
    rect(0, 0, 300, 300, `fill="${far}"`),
    path(`M0 300H300V450H0Z`, `fill="${near}"`),
    path(`M${x} 300L${x - 90} 450H${right + 90}L${right} 300Z`, `fill="${light}" opacity=".55"`),
    dice.chance(0.5)
      ? path(`M${x} 300V${top + width / 2}a${width / 2} ${width / 2} 0 0 1 ${width} 0V300Z`, `fill="${light}"`)
      : rect(x, top, width, 300 - top, `fill="${light}"`),
    circle(figure, 246, 7, `fill="${ground}"`),
    path(`M${figure - 10} 300l2 -38q8 -9 16 0l2 38Z`, `fill="${ground}"`),
    path(`M${figure - 10} 300h20l26 70h-66Z`, `fill="${ground}" opacity=".35"`),
  ].join('');
};

/** The bars of a sound wave, or a record player. */
export const sound: Scene = (dice, { far, near, light, ground }) => {
  if (dice.chance(0.5)) {
    return [
      circle(150, 158, 128, `fill="${near}"`),
      times(7, (index) => circle(150, 158, 118 - index * 11, `fill="none" stroke="${ground}" stroke-width="1.4"`)),
      circle(150, 158, 40, `fill="${light}"`),
      circle(150, 158, 5, `fill="${ground}"`),
      path('M262 28L236 150L206 178', `fill="none" stroke="${far}" stroke-width="7" stroke-linecap="round"`),
    ].join('');
  }
  return times(15, (index) => {
    const height = Math.round(30 + 110 * Math.abs(Math.sin(index * dice.between(0.5, 0.9))) + dice.between(0, 60));
    return rect(12 + index * 19, 170 - height / 2, 11, height, `rx="5.5" fill="${[far, near, light][index % 3]}"`);
  });
};

/** The bend of a running track. */
export const lanes: Scene = (dice, { far, near, light }) => {
  const flip = dice.chance(0.5) ? '' : 'transform="matrix(-1 0 0 1 300 0)"';
  return `<g ${flip}>${times(7, (index) =>
    path(
      `M${-20 + index * 27} 320V${210 - index * 4}a${150 - index * 17} ${150 - index * 17} 0 0 1 ${150 - index * 17} -${150 - index * 17}H320`,
      `fill="none" stroke="${[far, near, light][index % 3]}" stroke-width="15"`,
    ),
  )}</g>`;
};

/** Blinds in front of two discs. */
export const blinds: Scene = (dice, { far, near, light, ground }) => {
  const tilt = dice.int(-14, 14);
  return [
    circle(dice.between(100, 200), 160, dice.between(96, 118), `fill="${near}"`),
    circle(dice.between(100, 200), 150, dice.between(48, 70), `fill="${light}"`),
    `<g transform="rotate(${tilt} 150 160)">${times(11, (index) =>
      rect(-40, index * 30 - 20, 380, dice.between(8, 15), `fill="${index % 2 ? ground : far}"`),
    )}</g>`,
    path('M0 318H300V450H0Z', `fill="${ground}"`),
  ].join('');
};
