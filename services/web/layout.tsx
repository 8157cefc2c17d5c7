/** The layout of every page: head, header, navigation and footer. */
import type { FC, PropsWithChildren } from 'hono/jsx';
import type { AssetPaths } from './assets.ts';
import { Act, hrefOf, Icon, type IconName, Missing, useVisit } from './components.tsx';

export interface PageProps {
  title: string;
  /** For search engines and link previews; the site's tagline by default. */
  description?: string;
}

type Render = (content: string | Promise<string>, props: PageProps) => Response | Promise<Response>;

declare module 'hono' {
  interface ContextRenderer extends Render {}
}

/** Returns the layout of all pages, linked to these assets. */
export const layoutOf =
  ({ style, script }: AssetPaths) =>
  ({ title, description, children }: PropsWithChildren<PageProps>) => {
    const { texts, language, userId, zone, zoneIsKnown } = useVisit();
    return (
      <html lang={language}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="description" content={description ?? texts.tagline} />
          <title>{title === texts.brand ? `${texts.brand} – ${texts.tagline}` : `${title} · ${texts.brand}`}</title>
          <link rel="icon" href="/favicon.ico" />
          <link rel="stylesheet" href={style} />
          <script type="module" src={script}></script>
        </head>
        <body data-user={userId} data-zone={zoneIsKnown ? zone : undefined}>
          <a class="skip" href="#main">
            {texts.skip}
          </a>
          <Header />
          <main id="main" tabindex={-1}>
            <Missing />
            {children}
          </main>
          <footer class="foot">
            <span>{texts.footer}</span>
            <a href="/docs">{texts.nav.docs}</a>
          </footer>
          <div
            id="notices"
            class="notices"
            role="status"
            data-due={texts.live.dueOf('{title}')}
            data-ticket={texts.live.ticket}
            data-close={texts.close}
          ></div>
        </body>
      </html>
    );
  };

const Header: FC = () => {
  const { texts, userId, path } = useVisit();
  return (
    <header class="top">
      <a class="brand" href="/">
        {texts.brand}
      </a>
      <Navigation />
      <search>
        <form class="search" action="/browse">
          <button type="submit" aria-label={texts.search.go}>
            <Icon name="search" />
          </button>
          <input
            type="search"
            name="q"
            maxlength={200}
            aria-label={texts.search.label}
            placeholder={texts.search.placeholder}
            autocomplete="off"
            value={new URLSearchParams(path.split('?')[1]).get('q') ?? undefined}
            data-suggest={texts.search.suggestions}
          />
        </form>
      </search>
      <div class="who">
        {userId === undefined ? (
          <a class="button" href={hrefOf('/sign-in', { next: path.startsWith('/sign-in') ? undefined : path })}>
            <Icon name="user" />
            <span class="wide">{texts.signIn.title}</span>
          </a>
        ) : (
          <>
            <a href="/sign-in" class="me" title={texts.signIn.as(userId)}>
              <Icon name="user" />
              <span class="wide">{userId}</span>
            </a>
            <Act to="/sign-out" class="link">
              {texts.signIn.out}
            </Act>
          </>
        )}
      </div>
    </header>
  );
};

const Navigation: FC = () => {
  const visit = useVisit();
  const { texts, path } = visit;
  const links: [href: string, text: string, icon: IconName][] = [
    ['/', texts.nav.home, 'home'],
    ['/browse', texts.nav.browse, 'browse'],
    ['/rankings', texts.nav.rankings, 'rankings'],
    ['/my-list', texts.nav.list, 'list'],
    ['/help', texts.nav.help, 'help'],
  ];
  if (visit.is('agent')) links.push(['/desk', texts.nav.desk, 'desk']);
  if (visit.is('admin')) links.push(['/status', texts.nav.status, 'status']);
  const isHere = (href: string): boolean =>
    path.split('?')[0] === href || (href !== '/' && path.startsWith(`${href}/`));
  return (
    <nav class="nav" aria-label={texts.nav.label}>
      <ul>
        {links.map(([href, text, icon]) => (
          <li>
            <a href={href} aria-current={isHere(href) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{text}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
};
