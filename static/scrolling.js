// Where a conversation that grows is scrolled to: its end, the latest question, or where somebody reads.

const FAR = 200; // pixels: what comes and goes by itself moves the scroll bar less
const NEAR = 80; // pixels from the end at which the view follows what comes
const KEYBOARD = 120; // pixels that a keyboard takes at least
const TOUCH_MS = 1200;
const ABOVE = 8; // pixels over the question

export class Scrolling {
  #pin = null; // what is kept in sight: "end", "question" or null
  #placed = 0; // where this put the scroll bar
  #touched = -Infinity; // when somebody scrolled
  #height = 0;

  /** `list` is what grows in the scroller, `down` the button that leads to the end. */
  constructor(scroller, list, down) {
    Object.assign(this, { scroller, list, down });
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(list);
    sizes.observe(scroller);
    const touched = () => {
      this.#touched = performance.now();
    };
    for (const name of ["wheel", "touchmove", "keydown"]) scroller.addEventListener(name, touched, { passive: true });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    down.addEventListener("click", () => this.pin("end"));
  }

  /** Keeps the "end" in sight, or the latest "question": an answer is read from its beginning. */
  pin(what) {
    this.#pin = what;
    this.#keepUp();
  }

  /** Keeps what is seen where it is while something is put above it. */
  keepPlace(change) {
    const first = this.list.firstElementChild;
    const top = () => first?.getBoundingClientRect().top ?? 0;
    const before = top();
    change();
    this.#scrollTo(this.scroller.scrollTop + top() - before);
  }

  #resized() {
    const shrunk = this.#height - this.scroller.clientHeight > KEYBOARD;
    this.#height = this.scroller.clientHeight;
    if (shrunk && !this.list.querySelector("[aria-busy=true]")) this.#pin = "end";
    this.#keepUp();
  }

  get #question() {
    return this.list.lastElementChild?.offsetTop - ABOVE;
  }

  #keepUp() {
    if (!this.#pin || !this.list.firstElementChild) return;
    const end = this.scroller.scrollHeight - this.scroller.clientHeight;
    this.#scrollTo(this.#pin === "question" ? Math.min(end, this.#question) : end);
  }

  #scrollTo(top) {
    this.scroller.scrollTo({ top, behavior: "instant" });
    this.#placed = this.scroller.scrollTop;
    this.#scrolled();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const far = scrollHeight - scrollTop - clientHeight;
    this.down.hidden = far < NEAR || !this.list.firstElementChild;
    const moved = Math.abs(scrollTop - this.#placed);
    const byHand = moved > FAR || (moved > 2 && performance.now() - this.#touched < TOUCH_MS);
    if (!byHand) return; // nobody scrolled: something came or went
    const atQuestion = this.#pin === "question" && Math.abs(this.#question - scrollTop) < 4;
    if (!atQuestion) this.#pin = far < NEAR ? "end" : null;
  }
}
