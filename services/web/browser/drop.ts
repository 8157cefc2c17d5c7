/** Submits a file that is dropped anywhere on the page with the form for files. */
export function takeDrops(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-drop]');
  const field = form?.querySelector<HTMLInputElement>('input[type=file]');
  if (!form || !field) return;
  const isOver = (over: boolean): void => void form.classList.toggle('over', over);
  addEventListener('dragover', (event) => {
    event.preventDefault();
    isOver(true);
  });
  addEventListener('dragleave', () => isOver(false));
  addEventListener('drop', (event) => {
    event.preventDefault();
    isOver(false);
    if (!event.dataTransfer?.files.length) return;
    field.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
