"""The report on evaluations: one page that holds everything, and its figures and tables as files."""

from kaogae.evaluate.report.folder import write_report
from kaogae.evaluate.report.material import Extras, PanelResult, SetFacts

__all__ = ["Extras", "PanelResult", "SetFacts", "write_report"]
