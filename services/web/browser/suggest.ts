/** Suggestions of titles and people below the search field: a combobox after the ARIA Authoring Practices Guide. */

interface Suggestion {
  kind: 'title' | 'person';
  text: string;
  movieId?: number;
  year?: number | null;
}

const debounceMs = 110;

export function suggest(field: HTMLInputElement): void {
  const list = document.createElement('div');
  list.id = 'suggestions';
  list.className = 'suggestions';
  list.role = 'listbox';
  list.ariaLabel = field.dataset.suggest ?? '';
  list.hidden = true;
  field.closest('search')?.append(list);
  field.role = 'combobox';
  field.ariaExpanded = 'false';
  field.setAttribute('aria-autocomplete', 'list');
  field.setAttribute('aria-controls', list.id);
  let chosen = -1;
  let timer: number | undefined;
  let asked = new AbortController();

  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>('[role=option]')];
  const choose = (index: number): void => {
    chosen = index;
    options().forEach((option, at) => {
      option.ariaSelected = String(at === chosen);
    });
    const id = options()[chosen]?.id;
    if (id === undefined) field.removeAttribute('aria-activedescendant');
    else field.setAttribute('aria-activedescendant', id);
  };
  const show = (items: Suggestion[]): void => {
    list.replaceChildren(...items.map(optionOf));
    list.hidden = items.length === 0;
    field.ariaExpanded = String(!list.hidden);
    choose(-1);
  };
  const ask = async (): Promise<void> => {
    asked.abort();
    asked = new AbortController();
    const q = field.value.trim();
    if (q === '') return show([]);
    try {
      const { signal } = asked;
      const response = await fetch(`/movies/suggest?${new URLSearchParams({ q: q.slice(0, 200) })}`, { signal });
      if (response.ok) show(((await response.json()) as { items: Suggestion[] }).items);
    } catch {
      // The request was superseded by further typing, or failed: the search form still works.
    }
  };

  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), debounceMs);
  });
  field.addEventListener('keydown', (event) => {
    const { length } = options();
    if (length === 0 || list.hidden) return;
    if (event.key === 'ArrowDown') choose((chosen + 1) % length);
    else if (event.key === 'ArrowUp') choose(chosen <= 0 ? length - 1 : chosen - 1);
    // By default Escape would also empty the field.
    else if (event.key === 'Escape') show([]);
    else if (event.key === 'Enter' && chosen >= 0) location.assign(options()[chosen]?.dataset.href ?? '/');
    else return;
    event.preventDefault();
  });
  // A click would come too late: the field's blur hides the list first.
  list.addEventListener('mousedown', (event) => {
    const href = (event.target as HTMLElement).closest<HTMLElement>('[data-href]')?.dataset.href;
    if (href !== undefined) location.assign(href);
  });
  field.addEventListener('blur', () => {
    clearTimeout(timer);
    asked.abort();
    show([]);
  });
}

function optionOf({ kind, text, movieId, year }: Suggestion, index: number): HTMLElement {
  const option = document.createElement('div');
  option.role = 'option';
  option.id = `suggestion-${index}`;
  option.dataset.href = kind === 'title' ? `/film/${movieId}` : `/browse?${new URLSearchParams({ q: text })}`;
  const name = document.createElement('span');
  name.dir = 'auto';
  name.textContent = text;
  const more = document.createElement('span');
  more.textContent = year ? String(year) : '';
  option.append(name, more);
  return option;
}
