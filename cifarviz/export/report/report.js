// Draws each chart with the Plotly embedded above.
const PNG = "M5 20h14v-2H5v2zM19 9h-4V3H9v6H5l7 7 7-7z";
const SVG =
  "M3 17.5V21h3.5L17.6 9.9l-3.5-3.5L3 17.5zM20.7 7a1 1 0 0 0 0-1.4l-2.3-2.3a1 1 0 0 0-1.4 0L15.1 5.2l3.7 3.7L20.7 7z";

for (const source of document.querySelectorAll("script[data-for]")) {
  const place = document.getElementById(source.dataset.for);
  const { data, layout, fileName } = JSON.parse(source.textContent);
  const button = (format, title, path) => ({
    name: format,
    title,
    icon: { width: 24, height: 24, path },
    click: (plot) => Plotly.downloadImage(
      { data: plot.data, layout: { ...plot.layout, paper_bgcolor: "#ffffff" } },
      {
        format,
        filename: fileName,
        width: layout.width,
        height: place.clientHeight,
        scale: format === "png" ? 2 : 1,
      },
    ),
  });
  Plotly.newPlot(place, data, layout, {
    ...PLOTLY_CONFIG, // figures/plotly_config.py
    modeBarButtonsToAdd: [
      button("png", "Save as PNG", PNG),
      button("svg", "Save as SVG", SVG),
    ],
  }).then(() => {
    const tables = document.createElement("div");
    replaceTables(tables, describePlot(place));
    place.after(tables);
  }).catch((error) => {
    console.error(error);
    place.className = "failed";
    place.textContent = "This browser could not draw the chart.";
  });
}

// Collapsed sections are expanded while the page is printed.
const sections = document.querySelectorAll("details");
let expanded = [];
addEventListener("beforeprint", () => {
  expanded = [...sections].filter((section) => !section.open);
  for (const section of expanded) section.open = true;
});
addEventListener("afterprint", () => {
  for (const section of expanded) section.open = false;
});
