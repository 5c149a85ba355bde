/* The page of heads over a data set: its table as a file. */
const save = document.getElementById("save-csv");
if (save) {
  save.hidden = false;
  save.addEventListener("click", async () => {
    const { facts } = await unpack("numbers");
    download(facts.csv, facts.name);
  });
}
