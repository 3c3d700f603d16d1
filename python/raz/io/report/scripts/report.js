// Starts the page: reads the results, and shows the overview or the image that the address names.

/** The figures of all images; the content of a view stays text until it is opened. */
function readImages() {
  return [...document.querySelectorAll("script.raz-figures")].map((element, index) => {
    const next = element.nextElementSibling;
    return { ...JSON.parse(element.textContent), index, content: next && next.matches("script.raz-view") ? next : null };
  });
}

class Report {
  constructor(images) {
    this.images = images;
    this.view = new View();
    if (images.length !== 1) {
      setText("overview-title", imagesInWords(images));
      setText("overview-summary", overviewWords(images));
      byId("charts").replaceChildren(...videoCharts(images));
      this.table = new Table(images);
    }
    window.addEventListener("hashchange", () => this.open(true));
    byId("theme").addEventListener("change", (event) => {
      document.documentElement.dataset.theme = event.target.value;
    });
    this.open(false);
  }

  /** Show what the address names. */
  open(moved) {
    const named = /^#image-(\d+)$/.exec(location.hash);
    if (moved && !named && location.hash !== "#overview") return; // a link within the page
    const image = this.images.length === 1 ? this.images[0] : named && this.images[named[1] - 1];
    byId("overview").hidden = Boolean(image);
    byId("view").hidden = !image;
    byId("pages").hidden = !image || this.images.length === 1;
    if (image) this.openImage(image);
    else document.title = `${imagesInWords(this.images)}: raz report`;
    if (moved) {
      window.scrollTo(0, 0);
      byId(image ? "view-title" : "overview-title").focus({ preventScroll: true });
    }
  }

  openImage(image) {
    this.link("to-previous", image.index - 1);
    this.link("to-next", image.index + 1);
    this.ready = this.view.show(image, image.content && JSON.parse(image.content.textContent));
  }

  link(id, index) {
    byId(id).hidden = !this.images[index];
    byId(id).href = `#image-${index + 1}`;
  }
}

const report = new Report(readImages());
