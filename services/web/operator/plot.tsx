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
        <path class="plot-area" d={areaOf(values, top)} />
        <path class="plot-line" d={lineOf(values, top)} />
      </svg>
      <span class="quiet">{values.length === 0 ? texts.status.soon : `max ${shown(top)}`}</span>
    </figure>
  );
};

function pointOf(index: number, value: number, count: number, top: number): string {
  const x = count < 2 ? width : (index / (count - 1)) * width;
  const y = height - 2 - (top > 0 ? value / top : 0) * (height - 6);
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
}

function lineOf(values: readonly (number | null)[], top: number): string {
  let drawing = false;
  return values
    .map((value, index) => {
      const step = value === null ? '' : `${drawing ? 'L' : 'M'}${pointOf(index, value, values.length, top)}`;
      drawing = value !== null;
      return step;
    })
    .join('');
}

function areaOf(values: readonly (number | null)[], top: number): string {
  if (values.length < 2) return '';
  const line = values.map((value, index) => `L${pointOf(index, value ?? 0, values.length, top)}`).join('');
  return `M0 ${height}${line}L${width} ${height}Z`;
}
