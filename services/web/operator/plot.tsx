/** Small plots, rendered on the server so that the page needs no script for them. */
import type { FC } from 'hono/jsx';
import { useVisit } from '../components.tsx';

const width = 240;
const height = 48;

/** A line of values, oldest first, with the last and the highest in text. Null values leave gaps. */
export const Plot: FC<{ values: readonly (number | null)[]; label: string; unit: string }> = ({
  values,
  label,
  unit,
}) => {
  const { language, texts } = useVisit();
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 0);
  const { line, area } = pathsOf(values, top);
  const last = known.at(-1);
  const shown = (value: number): string =>
    `${value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 2 : 0 })} ${unit}`;
  const current = last === undefined ? '–' : shown(last);
  return (
    <figure class="plot">
      <figcaption>
        <span>{label}</span>
        <strong>{current}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${current}, max ${shown(top)}`}
      >
        <path class="plot-area" d={area} />
        <path class="plot-line" d={line} />
      </svg>
      <span class="quiet">{values.length === 0 ? texts.status.soon : `max ${shown(top)}`}</span>
    </figure>
  );
};

/** Returns the SVG paths of the line and of the area below it. A value between two nulls becomes a dot. */
export function pathsOf(values: readonly (number | null)[], top: number): { line: string; area: string } {
  const runs: [x: number, y: number][][] = [[]];
  values.forEach((value, index) => {
    const x = values.length < 2 ? width : (index / (values.length - 1)) * width;
    const y = height - 2 - (top > 0 ? (value ?? 0) / top : 0) * (height - 6);
    if (value === null) runs.push([]);
    else runs.at(-1)?.push([Math.round(x * 10) / 10, Math.round(y * 10) / 10]);
  });
  const paths = runs.flatMap((run) => {
    const [first] = run;
    const line = `M${run.map(([x, y]) => `${x} ${y}`).join('L')}`;
    return first ? [{ line: `${line}h0`, area: `${line}V${height}H${first[0]}Z` }] : [];
  });
  return { line: paths.map(({ line }) => line).join(''), area: paths.map(({ area }) => area).join('') };
}
