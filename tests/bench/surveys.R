# Times R survey for surveys.py: Rscript surveys.R FOLDER N_ROWS ROUNDS N_REPLICATES
#
# Reads columns as raw doubles from FOLDER, where surveys.py put them; writes CASE.csv (domain,
# estimates, standard errors) and prints a line "CASE SECONDS" for each round. The design is made
# beforehand, and scores are columns already: what is timed is svyby, for replicates with making
# them.

suppressPackageStartupMessages(library(survey))
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
n_rows <- as.integer(given[2])
rounds <- as.integer(given[3])
n_replicates <- as.integer(given[4])

columns <- c("stratum", "psu", "domain", "weight", "poor", "g0", "g1", "g2")
read <- function(name) readBin(file.path(folder, name), "double", n = n_rows)
rows <- as.data.frame(sapply(columns, read, simplify = FALSE))
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, data = rows)
cat("version", as.character(packageVersion("survey")), "\n")

timed <- function(case, rounds, scores, ask) {
  for (turn in seq_len(rounds)) {
    gc()
    cat(case, system.time(found <- ask())[["elapsed"]], "\n")
  }
  errors <- if (length(scores) == 1) "se" else paste0("se.", scores)
  table <- as.data.frame(found)[, c("domain", scores, errors)]
  write.csv(table, file.path(folder, paste0(case, ".csv")), row.names = FALSE)
}

timed("rate", rounds, "poor", function() svyby(~poor, ~domain, design, svymean))
timed("fgt", rounds, c("g0", "g1", "g2"), function() {
  svyby(~ g0 + g1 + g2, ~domain, design, svymean)
})
timed("bootstrap", 1, "poor", function() {
  set.seed(0)
  made <- as.svrepdesign(design, type = "subbootstrap", replicates = n_replicates)
  svyby(~poor, ~domain, made, svymean)
})
