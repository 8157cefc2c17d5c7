/** Draws SVG plots: horizontal bars, and lines over two logarithmic axes. */
import type { BarPlot, LinePlot, Plot } from './job.ts';
import { round } from './stats.ts';

const width = 720;
const colors = ['#2a6fbb', '#d9822b', '#3a9d5d', '#a23b72', '#6b6b6b', '#8a6d3b'];
const style =
  '<style>text{font:13px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:15px}.axis{stroke:#bbb}</style>';

/** Returns a plot as the text of an SVG file. */
export function drawPlot(plot: Plot): string {
  return plot.kind === 'bars' ? drawBars(plot) : drawLines(plot);
}

function frame(height: number, title: string, parts: string[]): string {
  const background = `<rect width="${width}" height="${height}" fill="#fff"/>`;
  const heading = `<text class="title" x="16" y="26">${escaped(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">\n${style}\n${background}\n${heading}\n${parts.join('\n')}\n</svg>\n`;
}

function drawBars({ title, unit, bars }: BarPlot): string {
  const left = 250;
  const largest = Math.max(...bars.map(({ value }) => value));
  const parts = bars.map(({ label, value }, index) => {
    const y = 48 + index * 30;
    const length = ((width - left - 130) * value) / largest;
    return `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text><rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="20" fill="${colors[index % colors.length]}"/><text x="${(left + length + 6).toFixed(1)}" y="${y + 15}">${round(value)} ${escaped(unit)}</text>`;
  });
  return frame(60 + bars.length * 30, title, parts);
}

const area = { left: 80, right: 30, top: 50, height: 300 };

function drawLines({ title, x, y, lines }: LinePlot): string {
  const points = lines.flatMap((line) => line.points);
  const toX = scale(
    points.map(([value]) => value),
    area.left,
    width - area.right,
  );
  const toY = scale(
    points.map(([, value]) => value),
    area.top + area.height,
    area.top,
  );
  const bottom = area.top + area.height;
  const parts: string[] = [];
  for (const tick of toX.ticks) {
    parts.push(`<line class="axis" x1="${toX(tick)}" y1="${area.top}" x2="${toX(tick)}" y2="${bottom}"/>`);
    parts.push(`<text x="${toX(tick)}" y="${bottom + 18}" text-anchor="middle">${round(tick)}</text>`);
  }
  for (const tick of toY.ticks) {
    parts.push(`<line class="axis" x1="${area.left}" y1="${toY(tick)}" x2="${width - area.right}" y2="${toY(tick)}"/>`);
    parts.push(`<text x="${area.left - 8}" y="${toY(tick) + 4}" text-anchor="end">${round(tick)}</text>`);
  }
  lines.forEach(({ label, points: line }, index) => {
    const color = colors[index % colors.length];
    const path = line.map(([px, py]) => `${toX(px)},${toY(py)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const [px, py] of line) parts.push(`<circle cx="${toX(px)}" cy="${toY(py)}" r="3.5" fill="${color}"/>`);
    const legend = bottom + 60 + index * 20;
    parts.push(`<rect x="${area.left}" y="${legend - 10}" width="12" height="12" fill="${color}"/>`);
    parts.push(`<text x="${area.left + 20}" y="${legend}">${escaped(label)}</text>`);
  });
  parts.push(`<text x="${width / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(x)}</text>`);
  parts.push(`<text x="${area.left}" y="${area.top - 8}">${escaped(y)}</text>`);
  return frame(bottom + 60 + lines.length * 20, title, parts);
}

/** Returns a logarithmic scale in pixels between the powers of ten around the values. */
function scale(values: number[], from: number, to: number): ((value: number) => number) & { ticks: number[] } {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const convert = (value: number): number =>
    Math.round(10 * (from + ((to - from) * (Math.log10(Math.max(value, 10 ** low)) - low)) / (high - low))) / 10;
  return Object.assign(convert, { ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
