/** The section of the status page on the sites of the system and their links. */
import type { FC } from 'hono/jsx';
import type { SiteStates } from '../../../streams/site-links.ts';
import { Table, useVisit } from '../components.tsx';

export const Sites: FC<{ site: string; states: SiteStates }> = ({ site, states: { answers, copies } }) => {
  const { texts, language } = useVisit();
  const number = (value: number | null): string => (value === null ? '–' : value.toLocaleString(language));
  return (
    <section>
      <h2 id="sites-title">{texts.sites.title}</h2>
      <ul class="line">
        <li class="quiet">{texts.sites.here(site)}</li>
        {Object.entries(answers).map(([other, up]) => (
          <li>
            <span class={up ? 'lamp on' : 'lamp'} aria-hidden="true"></span> {other}:{' '}
            {up ? texts.sites.linked : texts.sites.away}
          </li>
        ))}
      </ul>
      {copies.length === 0 ? null : (
        <Table
          titleId="sites-title"
          columns={[texts.status.stream, texts.sites.madeAt, texts.sites.copiedTo, texts.status.lags]}
        >
          {copies.map(({ kind, home, at, homeSequence, copySequence, lost }) => (
            <tr>
              <th scope="row">{kind}</th>
              <td>
                {home} {number(homeSequence)}
              </td>
              <td>
                {at} {number(copySequence)}
              </td>
              <td>
                <strong>{lost ? texts.sites.lost(home) : number((homeSequence ?? 0) - (copySequence ?? 0))}</strong>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
};
